import { type GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { StoredRun } from "../../store/index.ts";
import { type JournalSource, payloadText, verifiedPages } from "./reader.ts";

export type Verification =
  | { readonly ok: true; readonly records: number; readonly erased: number }
  | { readonly ok: false; readonly seq: number; readonly reason: string };

/** Checks a journal against its hashes and its stored head. */
export async function verifyJournal(source: JournalSource, { run, head }: StoredRun): Promise<Verification> {
  let records = 0;
  let erased = 0;
  try {
    for await (const rows of verifiedPages(source, run.id, head)) {
      for (const row of rows) {
        if (row.place === "blob") await payloadText(source, run.id, row);
        if (row.place === "erased") erased += 1;
        records += 1;
      }
    }
    const [beyond] = await source.runs.read(run.id, { afterSeq: head.seq, limit: 1 });
    if (beyond !== undefined)
      return { ok: false, seq: beyond.seq, reason: `record ${beyond.seq} is behind the stored head` };
    return { ok: true, records, erased };
  } catch (error) {
    if (!isGloveboxError(error, "journal_corrupt")) throw error;
    return located(error);
  }
}

function located(error: GloveboxError): Verification {
  const { seq, reason } = error.details ?? {};
  return { ok: false, seq: Number(seq), reason: String(reason) };
}
