import { type Clock, canonicalJson, GloveboxError, type Redactor } from "../../core/index.ts";
import type { JournalHead, JournalRow, RunPatch } from "../../store/index.ts";
import { type JsonValue, toJsonValue } from "../json-value.ts";
import { seal } from "./chain.ts";
import { type JournalSource, recordOf } from "./reader.ts";
import type { Draft, JournalRecord } from "./record.ts";

const MAX_PAYLOAD_BYTES = 16 << 20;
const MAX_BATCH = 1000;
const MAX_BATCH_BYTES = 4 << 20;

interface Waiting {
  readonly row: JournalRow;
  /** The payload's canonical JSON; above {@link MAX_INLINE_BYTES} it goes to a blob, which must be there first. */
  readonly text: string;
}

export interface JournalWriterOptions {
  readonly source: JournalSource;
  readonly runId: string;
  readonly head: JournalHead;
  readonly clock: Clock;
  readonly redactor: Redactor | undefined;
  /** What changed of the run's row; asked for once with each batch. */
  readonly patch: () => RunPatch | undefined;
  /** Which records {@link JournalWriterOptions.onCommit} gets; the others are not made again from what was written. */
  readonly wants: (row: JournalRow) => boolean;
  /** Called with each batch that is on disk, in order. */
  readonly onCommit: (records: readonly JournalRecord[]) => void;
  /** The journal cannot be written to any more. */
  readonly onFailure: (error: unknown) => void;
}

/** What a value is in the journal: redacted, then JSON without loss. `payload_too_large` above 16 MiB. */
export function toJournalText(value: unknown, what: string, redactor: Redactor | undefined): string {
  const json = toJsonValue(value, what);
  const text = canonicalJson(redactor === undefined ? json : redactor.redactJson(json));
  if (text.length <= MAX_PAYLOAD_BYTES) return text;
  throw new GloveboxError(
    "payload_too_large",
    `${what} takes ${text.length} bytes as JSON, at most ${MAX_PAYLOAD_BYTES}`,
  );
}

export function toJournalValue(value: unknown, what: string, redactor: Redactor | undefined): JsonValue {
  return JSON.parse(toJournalText(value, what, redactor)) as JsonValue;
}

/** Adds records to one run's journal, in order; what waits while the disk is busy is committed together. */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  #head: JournalHead;
  #stored: JournalHead;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  #isScheduled = false;
  #isTouched = false;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#head = options.head;
    this.#stored = options.head;
  }

  /** Where the journal ends on disk. */
  get stored(): JournalHead {
    return this.#stored;
  }

  /**
   * Puts a record at the end; `onCommit` tells when it is on disk. `soon`: it waits for this turn of the event loop to end, since what
   * follows it is likely to come at once. Ignored once closed.
   */
  append(draft: Draft, options: { readonly soon?: boolean } = {}): void {
    if (this.#closed) return;
    const { runId, clock, redactor } = this.#options;
    const text = toJournalText(draft.payload, `the payload of ${draft.type}`, redactor);
    const place = { ts: clock.nowMs(), type: draft.type, step: draft.step ?? null, attempt: draft.attempt ?? null };
    const row = seal(runId, this.#head, place, text);
    this.#head = { seq: row.seq, hash: row.hash };
    this.#waiting.push({ row, text });
    if (options.soon === true) this.#schedule();
    else this.#start();
  }

  /** Writes what changed of the run's row, with the next records or by itself. Ignored once closed. */
  touch(): void {
    if (this.#closed) return;
    this.#isTouched = true;
    this.#start();
  }

  /** Resolves when all that was appended is on disk, or cannot get there. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#flushing !== undefined) {
      this.#start();
      await this.#flushing;
    }
  }

  /** Takes no more records. */
  close(): void {
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    this.#flushing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      // What is appended in this turn of the event loop's microtasks goes along.
      await Promise.resolve();
      while (this.#waiting.length > 0 || this.#isTouched) await this.#commit(this.#takeBatch());
    } catch (error) {
      this.#waiting = [];
      this.#isTouched = false;
      this.#closed = true;
      this.#options.onFailure(error);
    } finally {
      // At once after the last look at what waits: nothing can come in between.
      this.#flushing = undefined;
    }
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { text } of this.#waiting) {
      if (count >= MAX_BATCH || (count > 0 && bytes + text.length > MAX_BATCH_BYTES)) break;
      bytes += text.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { source, runId, patch, wants, onCommit } = this.#options;
    this.#isTouched = false;
    for (const { row, text } of batch) if (row.place === "blob") await source.blobs.put(Buffer.from(text, "utf8"));
    const rows = batch.map(({ row }) => row);
    await source.runs.append(runId, this.#stored, rows, patch() ?? {});
    const last = rows.at(-1);
    if (last !== undefined) this.#stored = { seq: last.seq, hash: last.hash };
    onCommit(batch.filter(({ row }) => wants(row)).map(({ row, text }) => recordOf(runId, row, text)));
  }
}
