import { GloveboxError } from "../../core/index.ts";
import type { JournalRow, StoredRun } from "../../store/index.ts";
import { sha256 } from "../journal/chain.ts";
import { corrupt, type JournalSource, payloadText, recordOf } from "../journal/reader.ts";
import { verifyJournal } from "../journal/verify.ts";

const PAGE = 1000;

interface Rollback {
  /** The last record that counts. */
  readonly toSeq: number;
  /** The record that says so. */
  readonly seq: number;
}

/** Which records of a journal count no more: those between the place that a rollback goes back to and the rollback itself. */
export class Voids {
  /** How many rollbacks there were, void ones too. */
  readonly count: number;
  /** The last rollback's `seq`; 0 when there is none. */
  readonly lastSeq: number;
  readonly #known: ReadonlySet<number>;
  /** The outermost, in order. */
  readonly #ranges: readonly Rollback[];

  constructor(rollbacks: readonly Rollback[]) {
    const ranges: Rollback[] = [];
    for (const { seq, ...rollback } of rollbacks) {
      let { toSeq } = rollback;
      for (let last = ranges.at(-1); last !== undefined && last.seq > toSeq; last = ranges.at(-1)) {
        // What was void stays void, even if the rollback that said so becomes void itself.
        toSeq = Math.min(toSeq, last.toSeq);
        ranges.pop();
      }
      ranges.push({ toSeq, seq });
    }
    this.#ranges = ranges;
    this.#known = new Set(rollbacks.map(({ seq }) => seq));
    this.count = rollbacks.length;
    this.lastSeq = rollbacks.at(-1)?.seq ?? 0;
  }

  has(seq: number): boolean {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return seq > (this.#ranges[low]?.toSeq ?? seq);
  }

  /** Whether a rollback stands there. */
  knows(seq: number): boolean {
    return this.#known.has(seq);
  }
}

const NONE = new Voids([]);

/**
 * Found before the journal is read as a stream. The run's row says how many there are, so that most journals need not be searched; `journal_corrupt` when it lies.
 */
export async function voidsOf(source: JournalSource, stored: StoredRun): Promise<Voids> {
  const { run, head } = stored;
  if (run.rollbacks === undefined) return NONE;
  const rollbacks: Rollback[] = [];
  for (;;) {
    const afterSeq = rollbacks.at(-1)?.seq ?? 0;
    const rows = await source.runs.read(run.id, { afterSeq, limit: PAGE, type: "rollback" });
    for (const row of rows) rollbacks.push({ toSeq: await toSeqOf(source, run.id, row), seq: row.seq });
    if (rows.length < PAGE) break;
  }
  if (rollbacks.length === run.rollbacks) return new Voids(rollbacks);
  const found = await verifyJournal(source, stored);
  if (!found.ok) throw corrupt(run.id, found.seq, found.reason);
  throw corrupt(run.id, head.seq, `it has ${rollbacks.length} rollbacks, its run says ${run.rollbacks}`);
}

async function toSeqOf(source: JournalSource, runId: string, row: JournalRow): Promise<number> {
  const text = await payloadText(source, runId, row);
  if (text === undefined) {
    const message = `the payload of record ${row.seq} was erased: what it made void is not known any more`;
    throw new GloveboxError("not_found", message, { details: { seq: row.seq } });
  }
  const record = sha256(text) === row.payloadHash ? recordOf(runId, row, text) : undefined;
  const toSeq = record?.type === "rollback" ? record.payload.toSeq : 0;
  if (Number.isSafeInteger(toSeq) && toSeq >= 1 && toSeq < row.seq) return toSeq;
  throw corrupt(
    runId,
    row.seq,
    `the payload of record ${row.seq} does not fit its hash, or says nothing of a rollback`,
  );
}
