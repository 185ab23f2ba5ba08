import { GloveboxError } from "../../core/index.ts";
import type { JournalRow, StoredRun } from "../../store/index.ts";
import { type JournalSource, toRecord, verifiedPages } from "../journal/reader.ts";
import type { RecordWith } from "../journal/record.ts";
import { counts } from "./opening.ts";
import type { Voids } from "./voids.ts";

/** Bounds what is in memory, and what one rollback puts back. */
const MAX_SNAPSHOTS = 10_000;

/** The place in a journal before a step, in the order of the journal. */
export interface Cut {
  /** The last record before it. */
  readonly toSeq: number;
  /** How many records count before it and are taken over by a fork. */
  readonly records: number;
  /** The step's first record. */
  readonly first: JournalRow;
  readonly snapshots: readonly RecordWith<"snapshot.taken">[];
  /** The runs that had been started by then. */
  readonly children: ReadonlySet<string>;
}

/** `not_found` when no step that counts has that path. */
export async function findCut(
  source: JournalSource,
  { run, head }: StoredRun,
  voids: Voids,
  step: string,
): Promise<Cut> {
  const snapshots: RecordWith<"snapshot.taken">[] = [];
  const children = new Set<string>();
  let records = 0;
  for await (const rows of verifiedPages(source, run.id, head)) {
    for (const row of rows) {
      if (!counts(run.id, row, voids)) continue;
      if (row.step === step) return { toSeq: row.seq - 1, records, first: row, snapshots, children };
      if (isCopied(row)) records += 1;
      if (row.type !== "snapshot.taken" && row.type !== "step.started") continue;
      const record = await toRecord(source, run.id, row);
      if (record.type === "snapshot.taken") snapshots.push(record);
      if (record.type === "step.started" && record.payload.childId !== undefined) children.add(record.payload.childId);
      if (snapshots.length > MAX_SNAPSHOTS) {
        throw new GloveboxError("resource_exhausted", `run ${run.id} took more than ${MAX_SNAPSHOTS} snapshots`);
      }
    }
  }
  throw new GloveboxError("not_found", `run ${run.id} has no step ${step}`, { details: { path: "step" } });
}

/** Whether a fork takes a record over; it has a beginning of its own, and no rollbacks. */
export function isCopied({ type }: JournalRow): boolean {
  return type !== "run.started" && type !== "rollback";
}
