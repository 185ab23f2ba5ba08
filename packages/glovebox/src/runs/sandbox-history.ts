import type { JournalRecord } from "../engine/index.ts";

/** Where a sandbox's state was kept. */
export interface KeptState {
  readonly sessionId: string;
  readonly snapshotId: string;
}

/** What a journal says of a run's sandbox. */
export interface SandboxHistory {
  /** The last snapshot of it that counts. */
  readonly kept?: KeptState;
  /** A step that completed worked in it since then, or since it was opened: that work would be lost. */
  readonly hasWorkedSince: boolean;
}

interface Entry {
  readonly seq: number;
  readonly step: string | undefined;
}

/** Reads a journal for the history of one sandbox; what a rollback made void does not count. */
export async function historyOf(records: AsyncIterable<JournalRecord>, sandbox: string): Promise<SandboxHistory> {
  let snapshots: (Entry & { readonly kept: KeptState })[] = [];
  let work: Entry[] = [];
  let completed: Entry[] = [];
  for await (const { seq, step, ...record } of records) {
    if (record.type === "rollback") {
      const counts = ({ seq: at }: Entry) => at <= Number(record.payload.toSeq);
      snapshots = snapshots.filter(counts);
      work = work.filter(counts);
      completed = completed.filter(counts);
    } else if (record.type === "step.completed") completed.push({ seq, step });
    else if (record.type === "snapshot.taken" && record.payload.sandbox === sandbox) {
      const { sessionId, snapshotId } = record.payload;
      snapshots.push({ seq, step, kept: { sessionId: String(sessionId), snapshotId: String(snapshotId) } });
    } else if (record.type === "tool.called" && record.payload.tool === "sandbox") {
      if (record.payload.sandbox === sandbox) work.push({ seq, step });
    }
  }
  const last = snapshots.at(-1);
  // A step that did not complete is done again as a whole.
  const done = new Set(completed.map(({ step }) => step));
  const hasWorkedSince = work.some(({ seq, step }) => seq > (last?.seq ?? 0) && done.has(step));
  return last === undefined ? { hasWorkedSince } : { kept: last.kept, hasWorkedSince };
}
