import { type Clock, GloveboxError, type NewEvent, type StoredEvent, type StreamRef } from "../../../core/index.ts";
import type { AppendResult, EventLog } from "../../store.ts";
import { storeFailed, storeFailure } from "../connection.ts";
import type { StoreFaults, WriteKind } from "../faults.ts";
import type { NewRequest, WriteReply } from "../worker/messages.ts";
import type { WriterThread } from "../writer-thread.ts";
import type { CommitNotices } from "./commit-notices.ts";
import type { EventReader } from "./event-reader.ts";
import { addressOf } from "./file-name.ts";
import type { RefusedStreams } from "./refused-streams.ts";

const MAX_STATE_BYTES = 65_536;
const MAX_READ = 10_000;
const DEFAULT_READ = 1000;
/** What a follower reads at a time: the reader's memory, and the longest the event loop is held up. */
const FOLLOW_PAGE = { limit: 500, maxBytes: 1_048_576 };

export class SqliteEventLog implements EventLog {
  readonly #writer: WriterThread;
  readonly #reader: EventReader;
  readonly #notices: CommitNotices;
  readonly #clock: Clock;
  readonly #faults: StoreFaults | undefined;
  readonly #refused: RefusedStreams;
  #open = true;

  constructor(parts: {
    readonly writer: WriterThread;
    readonly reader: EventReader;
    readonly notices: CommitNotices;
    readonly clock: Clock;
    readonly faults: StoreFaults | undefined;
    readonly refused: RefusedStreams;
  }) {
    this.#writer = parts.writer;
    this.#reader = parts.reader;
    this.#notices = parts.notices;
    this.#clock = parts.clock;
    this.#faults = parts.faults;
    this.#refused = parts.refused;
  }

  async append(stream: StreamRef, events: readonly NewEvent[], state?: unknown): Promise<AppendResult> {
    const address = addressOf(stream);
    const stateText = state === undefined ? undefined : this.#encodeState(stream, state);
    const reply = await this.#request("event", stream, {
      type: "append",
      ...address,
      tsMs: this.#clock.nowMs(),
      types: events.map(({ type }) => type),
      payloads: events.map(({ payload }) => JSON.stringify(payload)),
      ...(stateText === undefined ? {} : { state: stateText }),
    });
    if (reply.type === "closed") throw new GloveboxError("conflict", `the event stream ${stream.id} is closed`);
    if (reply.type !== "appended") throw unexpected(reply);
    this.#notices.notify(stream);
    return { firstSeq: reply.firstSeq, lastSeq: reply.lastSeq };
  }

  async read(
    stream: StreamRef,
    options?: { readonly afterSeq?: number; readonly limit?: number },
  ): Promise<readonly StoredEvent[]> {
    const address = addressOf(stream);
    const afterSeq = checkAfterSeq(options?.afterSeq);
    const limit = options?.limit ?? DEFAULT_READ;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_READ) {
      throw invalid("limit", `limit must be a whole number from 1 to ${MAX_READ}`);
    }
    const head = this.#reader.head(address);
    return head === undefined ? [] : this.#reader.events(address, head, { afterSeq, limit });
  }

  async state(stream: StreamRef): Promise<{ readonly state: unknown; readonly lastSeq: number }> {
    const head = this.#reader.head(addressOf(stream));
    if (head === undefined) return { state: undefined, lastSeq: 0 };
    return { state: head.state === null ? undefined : JSON.parse(head.state), lastSeq: head.lastSeq };
  }

  async *follow(
    stream: StreamRef,
    options?: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<StoredEvent> {
    const address = addressOf(stream);
    const signal = options?.signal;
    let afterSeq = checkAfterSeq(options?.afterSeq);
    using watch = this.#notices.watch(stream);
    while (this.#open && !isAborted(signal)) {
      // The head first: a stream that was closed by then has nothing after what is read next.
      const head = this.#reader.head(address);
      const events = head === undefined ? [] : this.#reader.events(address, head, { afterSeq, ...FOLLOW_PAGE });
      for (const event of events) {
        if (isAborted(signal)) return;
        yield event;
        afterSeq = event.seq;
      }
      if (events.length > 0) continue;
      if (head?.closed === true) return;
      await watch.wait(signal);
    }
  }

  async close(stream: StreamRef): Promise<void> {
    await this.#request("stream", stream, { type: "close", ...addressOf(stream), tsMs: this.#clock.nowMs() });
    this.#notices.notify(stream);
  }

  #encodeState(stream: StreamRef, state: unknown): string {
    try {
      return encodeState(state);
    } catch (error) {
      this.#refused.refused(stream);
      throw error;
    }
  }

  /** Ends every `follow`: the store closes. */
  end(): void {
    this.#open = false;
    this.#notices.notifyAll();
  }

  async #request(kind: WriteKind, stream: StreamRef, request: NewRequest): Promise<WriteReply> {
    const doing = `could not write (${kind})`;
    try {
      this.#faults?.before(kind);
      if (kind === "event") this.#refused.passed(stream);
    } catch (error) {
      this.#refused.refused(stream);
      throw storeFailed(doing, error);
    }
    const reply = await this.#writer.request(request);
    if (reply.type === "failed") throw storeFailure(doing, reply.code, reply.message);
    return reply;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function encodeState(state: unknown): string {
  const text = JSON.stringify(state);
  if (Buffer.byteLength(text) > MAX_STATE_BYTES) {
    throw invalid("state", `a stream's state must be at most ${MAX_STATE_BYTES} bytes of JSON`);
  }
  return text;
}

function checkAfterSeq(afterSeq = 0): number {
  if (Number.isInteger(afterSeq) && afterSeq >= 0 && afterSeq < 2 ** 32) return afterSeq;
  throw invalid("afterSeq", "afterSeq must be a whole number from 0 to 4294967295");
}

function invalid(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path } });
}

function unexpected(reply: WriteReply): GloveboxError {
  return new GloveboxError("internal", `unexpected answer of the writer: ${reply.type}`);
}
