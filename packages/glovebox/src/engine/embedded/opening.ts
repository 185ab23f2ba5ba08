import { GloveboxError } from "../../core/index.ts";
import type { StoredRun } from "../../store/index.ts";
import { EMPTY_HEAD, flaw } from "../journal/chain.ts";
import { corrupt, type JournalSource, recordOf, toRecord, verifiedPages } from "../journal/reader.ts";
import { JOURNAL_VERSION, type JournalRecord, type RecordWith } from "../journal/record.ts";

/** Reads a journal, checked, record by record. */
export async function* journalOf(source: JournalSource, { run, head }: StoredRun): AsyncGenerator<JournalRecord[]> {
  for await (const rows of verifiedPages(source, run.id, head)) {
    const page: JournalRecord[] = [];
    for (const row of rows) {
      // Without a turn for each of the many that are in line.
      page.push(row.payload === null ? await toRecord(source, run.id, row) : recordOf(run.id, row, row.payload));
    }
    yield page;
  }
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
