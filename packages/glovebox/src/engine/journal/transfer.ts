import { canonicalJson, GloveboxError, isId } from "../../core/index.ts";
import type { JournalHead, JournalRow, StoredRun } from "../../store/index.ts";
import { EMPTY_HEAD, hashValue, linkHash, MAX_INLINE_BYTES, sha256 } from "./chain.ts";
import { corrupt, type JournalSource, payloadText, verifiedPages } from "./reader.ts";
import { isRecordType, JOURNAL_VERSION } from "./record.ts";

const FORMAT = "glovebox-journal";
const MAX_LINE = 64 << 20;

export interface ImportReport {
  readonly runId: string;
  readonly records: number;
  /** The file ends before the journal does: what came before is whole. */
  readonly torn?: { readonly afterSeq: number; readonly missing: number };
}

interface Header {
  readonly runId: string;
  readonly head: JournalHead;
}

/** One line of a file: the header, or a record with its payload in line; absent when it was erased. Every line is canonical JSON. */
export async function* exportLines(source: JournalSource, { run, head }: StoredRun): AsyncGenerator<string> {
  const header = { format: FORMAT, version: JOURNAL_VERSION, runId: run.id, head };
  yield `${canonicalJson({ ...header, hash: hashValue(header) })}\n`;
  for await (const rows of verifiedPages(source, run.id, head)) {
    for (const row of rows) yield `${await lineOf(source, run.id, row)}\n`;
  }
}

async function lineOf(source: JournalSource, runId: string, row: JournalRow): Promise<string> {
  const { seq, ts, type, step, attempt, payloadHash, hash } = row;
  const text = await payloadText(source, runId, row);
  const payload = text === undefined ? undefined : (JSON.parse(text) as unknown);
  return canonicalJson({ seq, ts, type, step, attempt, payload, payloadHash, hash });
}

/** Whole lines out of pieces of text; the last one may lack its end. */
export async function* linesOf(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }> {
  let rest = "";
  for await (const piece of pieces) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop() ?? "";
    for (const text of parts) yield { text, isWhole: true };
    if (rest.length > MAX_LINE) throw new GloveboxError("payload_too_large", "a line of a journal has at most 64 MiB");
  }
  if (rest !== "") yield { text: rest, isWhole: false };
}

/** Reads an exported journal line by line and checks each. `journal_corrupt` names the first line that is damaged. */
export class JournalImport {
  header: Header | undefined;
  #head: JournalHead = EMPTY_HEAD;
  #line = 0;
  #isTorn = false;

  get head(): JournalHead {
    return this.#head;
  }

  /** What is missing at the end, if anything. */
  get torn(): ImportReport["torn"] {
    const missing = (this.header?.head.seq ?? 0) - this.#head.seq;
    return missing > 0 ? { afterSeq: this.#head.seq, missing } : undefined;
  }

  /** The row of a line and, when it is large, its payload for the blob store; `undefined` for the header and for a torn end. */
  take(line: { readonly text: string; readonly isWhole: boolean }): { row: JournalRow; large?: string } | undefined {
    this.#line += 1;
    if (this.header === undefined) {
      this.header = readHeader(line.text);
      return undefined;
    }
    if (this.#isTorn || this.#head.seq >= this.header.head.seq)
      throw this.#damaged("there is a line after the last record");
    const parsed = parseCanonical(line.text);
    if (parsed === undefined) {
      if (line.isWhole) throw this.#damaged("it is not canonical JSON");
      this.#isTorn = true;
      return undefined;
    }
    return this.#row(parsed);
  }

  /** To be called after the last line. */
  finish(): void {
    if (this.header === undefined)
      throw new GloveboxError("journal_corrupt", "the file is empty", { details: { line: 1 } });
    const { head } = this.header;
    if (this.#head.seq === head.seq && this.#head.hash !== head.hash) {
      throw new GloveboxError("journal_corrupt", "line 1: the head has another hash than the last record", {
        details: { line: 1, seq: head.seq },
      });
    }
  }

  #row(line: Record<string, unknown>): { row: JournalRow; large?: string } {
    const { seq, ts, type, step, attempt, payload, payloadHash, hash, ...others } = line;
    const runId = this.header?.runId ?? "";
    const fits =
      Object.keys(others).length === 0 &&
      typeof ts === "number" &&
      typeof type === "string" &&
      (step === null || typeof step === "string") &&
      (attempt === null || typeof attempt === "number") &&
      typeof payloadHash === "string";
    if (!fits || typeof seq !== "number" || typeof hash !== "string") throw this.#damaged("it is not a record");
    if (seq !== this.#head.seq + 1) throw this.#damaged(`record ${this.#head.seq + 1} is missing`);
    const linked = { seq, ts, type, step, attempt, payloadHash };
    if (hash !== linkHash(runId, this.#head.hash, linked)) throw this.#damaged(`record ${seq} does not fit its hash`);
    if (!isRecordType(type)) {
      throw new GloveboxError("journal_mismatch", `record ${seq} is of type ${type}, unknown here`, {
        details: { seq, type },
      });
    }
    const text = payload === undefined ? undefined : canonicalJson(payload);
    if (text !== undefined && sha256(text) !== payloadHash)
      throw this.#damaged(`the payload of record ${seq} does not fit its hash`);
    this.#head = { seq, hash };
    if (text === undefined) return { row: { ...linked, place: "erased", payload: null, hash } };
    if (Buffer.byteLength(text) <= MAX_INLINE_BYTES)
      return { row: { ...linked, place: "inline", payload: text, hash } };
    return { row: { ...linked, place: "blob", payload: null, hash }, large: text };
  }

  #damaged(reason: string): GloveboxError {
    const { message } = corrupt(this.header?.runId ?? "", this.#head.seq + 1, reason);
    return new GloveboxError("journal_corrupt", `line ${this.#line}: ${message}`, {
      details: { line: this.#line, seq: this.#head.seq + 1, reason },
    });
  }
}

function readHeader(text: string): Header {
  const parsed = parseCanonical(text);
  const { hash: own, ...header } = parsed ?? {};
  const { format, version, runId, head, ...others } = header;
  const { seq, hash } = (head ?? {}) as { seq?: unknown; hash?: unknown };
  if (format !== FORMAT || Object.keys(others).length > 0 || own !== hashValue(header)) {
    throw new GloveboxError("journal_corrupt", "line 1: this is not the beginning of a journal", {
      details: { line: 1 },
    });
  }
  if (version !== JOURNAL_VERSION) {
    throw new GloveboxError("journal_mismatch", `the file has format ${String(version)}, this is ${JOURNAL_VERSION}`, {
      details: { line: 1, found: version, supported: JOURNAL_VERSION },
    });
  }
  if (typeof runId !== "string" || !isId(runId) || !Number.isSafeInteger(seq) || typeof hash !== "string") {
    throw new GloveboxError("journal_corrupt", "line 1: it does not say which run and where it ends", {
      details: { line: 1 },
    });
  }
  return { runId, head: { seq: seq as number, hash } };
}

/** Only what is byte for byte what we would write: nothing hides in white space, order or ways to write a number. */
function parseCanonical(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && canonicalJson(value) === text ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
