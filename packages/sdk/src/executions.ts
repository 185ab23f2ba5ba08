import { type FollowOptions, followEvents, readPage } from "./follow.ts";
import { idempotencyKey } from "./idempotency.ts";
import { everyItem, listOf } from "./pages.ts";
import { toBase64 } from "./result.ts";
import type { Transport } from "./transport.ts";
import type { StoredEvent } from "./types/event.ts";
import type {
  BatchInput,
  BatchItem,
  EventPage,
  EventPageRequest,
  ExecutionAnswer,
  ExecutionFilter,
  ExecutionInfo,
  ExecutionInput,
  TerminalSize,
} from "./types/execution.ts";
import type { CallOptions, CreateOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

export interface ExecutionCreateOptions extends CreateOptions {
  /** Answer when it is over, with its events. Default false: answer as soon as it is on disk. */
  readonly wait?: boolean | undefined;
}

/** Executions of all the tenant's sessions. */
export class Executions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Runs something in a session. Errors: `session_busy`, `session_not_ready`, `language_unavailable`, `invalid_path`. */
  async create(
    sessionId: string,
    input: ExecutionInput,
    options: ExecutionCreateOptions = {},
  ): Promise<ExecutionAnswer> {
    const { idempotencyKey: inner, ...rest } = input;
    return this.#transport.json<ExecutionAnswer>({
      method: "POST",
      path: urlPath("sessions", sessionId, "executions"),
      body: options.wait === true ? { ...rest, wait: true } : rest,
      idempotencyKey: inner ?? idempotencyKey(options),
      signal: options.signal,
    });
  }

  async list(filter: ExecutionFilter = {}, options: CallOptions = {}): Promise<Page<ExecutionInfo>> {
    return this.#transport.json({
      method: "GET",
      path: urlPath("executions"),
      query: { ...filter, kind: listOf(filter.kind), status: listOf(filter.status) },
      signal: options.signal,
    });
  }

  /** Every execution that fits, newest first. */
  listAll(filter: ExecutionFilter = {}, options: CallOptions = {}): AsyncGenerator<ExecutionInfo, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  async get(id: string, options: CallOptions = {}): Promise<ExecutionInfo> {
    return this.#transport.json({ method: "GET", path: urlPath("executions", id), signal: options.signal });
  }

  /** One page of what happened in it. */
  async events(id: string, request: EventPageRequest = {}, options: CallOptions = {}): Promise<EventPage> {
    const path = urlPath("executions", id, "events");
    return readPage(this.#transport, path, request.afterSeq ?? 0, options.signal, request.limit);
  }

  /** What happened and happens in it, live, until it is over; survives broken connections. Leaving early does not stop it. */
  follow(id: string, options: FollowOptions = {}): AsyncGenerator<StoredEvent, void> {
    return followEvents(this.#transport, urlPath("executions", id, "events"), options);
  }

  /** Resolves when it is over. */
  async wait(id: string, options: CallOptions = {}): Promise<ExecutionInfo> {
    for await (const _ of this.follow(id, options)) {
      // Only its end matters, which the stream's end tells.
    }
    return this.get(id, options);
  }

  /** Stops it and everything it started; resolves when it is over. Cancelling what is over changes nothing. */
  async cancel(id: string, options: CallOptions = {}): Promise<ExecutionInfo> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("executions", id, "cancel"),
      repeatable: true,
      signal: options.signal,
    });
  }

  /** Writes to its standard input; `close` says that no more will come. Errors: `conflict` when it is over or closed. */
  async stdin(
    id: string,
    data: string | Uint8Array | undefined,
    options: CallOptions & { readonly close?: boolean | undefined } = {},
  ): Promise<void> {
    const body: { text?: string; base64?: string; close?: boolean } = {};
    if (typeof data === "string") body.text = data;
    else if (data !== undefined) body.base64 = toBase64(data);
    if (options.close === true) body.close = true;
    await this.#transport.json<void>({
      method: "POST",
      path: urlPath("executions", id, "stdin"),
      body,
      signal: options.signal,
    });
  }

  /** Changes the size of its terminal. */
  async resize(id: string, size: TerminalSize, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({
      method: "POST",
      path: urlPath("executions", id, "resize"),
      body: size,
      signal: options.signal,
    });
  }

  /** Runs several things, one after the other or at once; resolves when all are over. */
  async batch(input: BatchInput, options: CallOptions = {}): Promise<{ readonly items: readonly BatchItem[] }> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("executions", "batch"),
      body: input,
      signal: options.signal,
    });
  }
}
