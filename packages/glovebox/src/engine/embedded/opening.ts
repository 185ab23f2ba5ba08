import { GloveboxError } from "../../core/index.ts";
import type { JournalRow, StoredRun } from "../../store/index.ts";
import { EMPTY_HEAD, flaw } from "../journal/chain.ts";
import { corrupt, type JournalSource, recordOf, toRecord, verifiedPages } from "../journal/reader.ts";
import { JOURNAL_VERSION, type JournalRecord, type RecordWith } from "../journal/record.ts";
import type { Voids } from "./voids.ts";

/** Reads a journal, checked, record by record: those that count, and whatever says what was spent. */
export async function* journalOf(
  source: JournalSource,
  { run, head }: StoredRun,
  voids: Voids,
): AsyncGenerator<JournalRecord[]> {
  for await (const rows of verifiedPages(source, run.id, head)) {
    let page: JournalRecord[] = [];
    for (const row of rows) {
      if (!counts(run.id, row, voids) && row.type !== "budget.updated") continue;
      if (row.payload !== null) page.push(recordOf(run.id, row, row.payload));
      else {
        // By itself: a page of large ones would not fit into memory.
        yield page;
        yield [await toRecord(source, run.id, row)];
        page = [];
      }
    }
    yield page;
  }
}

/** Whether no rollback made a row void. `journal_corrupt` when it is a rollback that the run's row hides. */
export function counts(runId: string, { seq, type }: JournalRow, voids: Voids): boolean {
  if (type === "rollback" && !voids.knows(seq)) throw corrupt(runId, seq, "the run does not know of this rollback");
  return voids.count === 0 || !voids.has(seq);
}

/** What a journal begins with. `journal_mismatch` when it is of another format, `journal_corrupt` when it is no beginning. */
export async function openingOf(source: JournalSource, stored: StoredRun): Promise<RecordWith<"run.started">> {
  const { run } = stored;
  const [row] = await source.runs.read(run.id, { afterSeq: 0, limit: 1 });
  const problem = row === undefined ? "it is empty" : flaw(run.id, EMPTY_HEAD, row);
  if (row === undefined || problem !== undefined) throw corrupt(run.id, 1, problem ?? "");
  const record = await toRecord(source, run.id, row);
  if (record.type !== "run.started") throw corrupt(run.id, 1, `it begins with ${record.type}`);
  if (record.erased !== true && record.payload.journal !== JOURNAL_VERSION) {
    throw new GloveboxError(
      "journal_mismatch",
      `run ${run.id} has a journal of format ${record.payload.journal}, this is ${JOURNAL_VERSION}`,
      {
        details: { runId: run.id, found: record.payload.journal, supported: JOURNAL_VERSION },
      },
    );
  }
  return record;
}

/** `not_found`: what the program was answered there is gone. */
export function refuseErased({ seq, erased }: JournalRecord): void {
  if (erased !== true) return;
  throw new GloveboxError("not_found", `the payload of record ${seq} was erased: the run cannot be executed again`, {
    details: { seq },
  });
}
