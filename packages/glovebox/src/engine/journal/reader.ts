import { setImmediate as turn } from "node:timers/promises";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { BlobStore, JournalHead, JournalRow, RunStore } from "../../store/index.ts";
import { EMPTY_HEAD, flaw, sha256 } from "./chain.ts";
import { isRecordType, type JournalRecord } from "./record.ts";

/** Rows a page: what is in memory at a time is at most this many payloads of 64 KiB, and one large one. */
const PAGE = 256;
/** A payload in a blob that is larger was not written by us. */
const MAX_PAYLOAD_BYTES = 64 << 20;

export interface JournalSource {
  readonly runs: RunStore;
  readonly blobs: BlobStore;
}

/** The rows of a journal in pages, each checked against the chain up to `head`. Rejects with `journal_corrupt` at the first that does not fit. */
export async function* verifiedPages(
  source: JournalSource,
  runId: string,
  head: JournalHead,
): AsyncGenerator<readonly JournalRow[]> {
  let at = EMPTY_HEAD;
  while (at.seq < head.seq) {
    // Reading and hashing wait for nothing: without this, nobody else would do anything until the end of a long journal.
    if (at.seq > 0) await turn();
    const limit = Math.min(PAGE, head.seq - at.seq);
    const rows = await source.runs.read(runId, { afterSeq: at.seq, limit });
    for (const row of rows) {
      const problem = flaw(runId, at, row);
      if (problem !== undefined) throw corrupt(runId, at.seq + 1, problem);
      at = { seq: row.seq, hash: row.hash };
    }
    if (rows.length === 0)
      throw corrupt(runId, at.seq + 1, `the journal ends at record ${at.seq}, its head is ${head.seq}`);
    yield rows;
  }
  if (at.hash !== head.hash) throw corrupt(runId, head.seq, "the stored head has another hash than the last record");
}

/** The payload's text, from where it is; `undefined` when it was erased. `journal_corrupt` when its blob is gone or damaged. */
export async function payloadText(source: JournalSource, runId: string, row: JournalRow): Promise<string | undefined> {
  if (row.place === "erased") return undefined;
  if (row.payload !== null) return row.payload;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of source.blobs.get(row.payloadHash)) {
      size += chunk.byteLength;
      if (size > MAX_PAYLOAD_BYTES) throw new GloveboxError("payload_too_large", "larger than a payload can be");
      chunks.push(chunk);
    }
  } catch (error) {
    if (!isGloveboxError(error)) throw error;
    throw corrupt(runId, row.seq, `the payload of record ${row.seq} cannot be read: ${error.message}`, error);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (sha256(text) !== row.payloadHash) throw corrupt(runId, row.seq, `the payload of record ${row.seq} is damaged`);
  return text;
}

/** A row that was checked, as a record. */
export async function toRecord(source: JournalSource, runId: string, row: JournalRow): Promise<JournalRecord> {
  const text = row.payload ?? (await payloadText(source, runId, row));
  return recordOf(runId, row, text);
}

/** `journal_mismatch` when another version of the engine wrote a type that this one does not know. */
export function recordOf(runId: string, row: JournalRow, text: string | undefined): JournalRecord {
  if (!isRecordType(row.type)) {
    throw new GloveboxError(
      "journal_mismatch",
      `record ${row.seq} of run ${runId} is of type ${row.type}, unknown here`,
      {
        details: { runId, seq: row.seq, type: row.type },
      },
    );
  }
  return {
    runId,
    seq: row.seq,
    ts: row.ts,
    type: row.type,
    ...(row.step === null ? {} : { step: row.step }),
    ...(row.attempt === null ? {} : { attempt: row.attempt }),
    payload: text === undefined ? {} : (JSON.parse(text) as object),
    payloadHash: row.payloadHash,
    hash: row.hash,
    ...(text === undefined ? { erased: true } : {}),
  } as JournalRecord;
}

/** `details.seq` says where. */
export function corrupt(runId: string, seq: number, reason: string, cause?: unknown): GloveboxError {
  return new GloveboxError("journal_corrupt", `the journal of run ${runId} is damaged at record ${seq}: ${reason}`, {
    details: { runId, seq, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
