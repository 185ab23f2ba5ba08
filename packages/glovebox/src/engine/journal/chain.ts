import { hash } from "node:crypto";
import { canonicalJson } from "../../core/index.ts";
import type { JournalHead, JournalRow } from "../../store/index.ts";

export const EMPTY_HEAD: JournalHead = { seq: 0, hash: "" };

/** Larger payloads go to the blob store. */
export const MAX_INLINE_BYTES = 65_536;

/** SHA-256 of a text's UTF-8 bytes, hex. */
export function sha256(text: string): string {
  return hash("sha256", text);
}

/** The hash that stands for a value in decisions: of its canonical JSON; `undefined` has its own. */
export function hashValue(value: unknown): string {
  return value === undefined ? sha256("") : sha256(canonicalJson(value));
}

type Linked = Pick<JournalRow, "seq" | "ts" | "type" | "step" | "attempt" | "payloadHash">;

/** A record's hash: over the hash before it, its own fields, and its payload's hash, so that a payload can be erased and the chain still verifies. */
export function linkHash(runId: string, previous: string, row: Linked): string {
  return sha256(JSON.stringify([previous, runId, row.seq, row.ts, row.type, row.step, row.attempt, row.payloadHash]));
}

/** Puts a record behind `head`. `payload` is canonical JSON. */
export function seal(
  runId: string,
  head: JournalHead,
  record: Pick<JournalRow, "ts" | "type" | "step" | "attempt">,
  payload: string,
): JournalRow {
  const isLarge = Buffer.byteLength(payload) > MAX_INLINE_BYTES;
  const { ts, type, step, attempt } = record;
  const linked = { seq: head.seq + 1, ts, type, step, attempt, payloadHash: sha256(payload) };
  return {
    ...linked,
    place: isLarge ? "blob" : "inline",
    payload: isLarge ? null : payload,
    hash: linkHash(runId, head.hash, linked),
  };
}

/** What is wrong with a row that should follow `head`, apart from a payload in a blob; `undefined` when nothing is. */
export function flaw(runId: string, head: JournalHead, row: JournalRow): string | undefined {
  if (row.seq !== head.seq + 1) return `record ${head.seq + 1} is missing`;
  if (row.hash !== linkHash(runId, head.hash, row)) return `record ${row.seq} does not fit its hash`;
  if (row.place === "erased" || row.place === "blob") {
    return row.payload === null ? undefined : `record ${row.seq} has a payload where it should have none`;
  }
  if (row.place !== "inline" || row.payload === null) return `record ${row.seq} has no payload`;
  return sha256(row.payload) === row.payloadHash ? undefined : `the payload of record ${row.seq} does not fit its hash`;
}
