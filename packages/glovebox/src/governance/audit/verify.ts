import { canonicalJson } from "../../core/index.ts";
import { type ChainHead, GENESIS, hashText } from "./record.ts";

export interface AuditVerification {
  readonly ok: boolean;
  /** Records that were found right. */
  readonly entries: number;
  /** What the oldest record hangs on; absent when there are none. */
  readonly after?: ChainHead;
  /** The newest record that is right: who keeps it elsewhere can later tell whether the end was cut off. Absent when there are none. */
  readonly head?: ChainHead;
  /** The first that is wrong. Nothing after it was looked at. */
  readonly bad?: { readonly seq: number; readonly reason: string };
}

/**
 * Walks a chain from its old end. `after`: what the first record must hang on. Without it, as with an exported file, the first record's own word is
 * taken, unless it says that it is the very first. Records may come from anywhere: nothing of their shape is taken for granted.
 */
export async function verifyChain(records: AsyncIterable<unknown>, after?: ChainHead): Promise<AuditVerification> {
  let start = after;
  let head = after;
  let entries = 0;
  for await (const value of records) {
    head ??= claimedHead(value);
    start ??= head;
    const reason = head === undefined ? "it is no audit record" : whatIsWrong(value, head);
    if (reason !== undefined || head === undefined) {
      const bad = { seq: (head?.seq ?? 0) + 1, reason: reason ?? "" };
      return { ok: false, entries, ...spanOf(start, head, entries), bad };
    }
    head = { seq: head.seq + 1, hash: (value as { hash: string }).hash };
    entries += 1;
  }
  return { ok: true, entries, ...spanOf(start, head, entries) };
}

function spanOf(start: ChainHead | undefined, head: ChainHead | undefined, entries: number) {
  return start === undefined || head === undefined || entries === 0 ? {} : { after: start, head };
}

/** What the first record of a file says that it hangs on. */
function claimedHead(value: unknown): ChainHead | undefined {
  if (!isObject(value)) return undefined;
  const { seq, prevHash } = value;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1 || typeof prevHash !== "string")
    return undefined;
  return seq === 1 ? GENESIS : { seq: seq - 1, hash: prevHash };
}

function whatIsWrong(value: unknown, head: ChainHead): string | undefined {
  if (!isObject(value)) return "it is no audit record";
  const { hash, ...rest } = value;
  if (rest.seq !== head.seq + 1)
    return `record ${head.seq + 1} is missing: ${String(rest.seq).slice(0, 20)} stands in its place`;
  if (rest.prevHash !== head.hash) return "it does not follow the record before it";
  if (typeof hash !== "string" || hash !== hashText(canonicalJson(rest)))
    return "it was changed: its hash does not fit";
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
