import { bodyOf, type FileContent, toContent } from "./files.ts";
import { type FollowOptions, followEvents, readPage } from "./follow.ts";
import { idempotencyKey } from "./idempotency.ts";
import { everyItem, listOf } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type { CallOptions, CreateOptions, Page } from "./types/page.ts";
import type {
  RolledBackRun,
  RunFilter,
  RunFork,
  RunImport,
  RunInfo,
  RunInput,
  RunRecord,
  RunRecordPage,
  RunReplay,
  RunResult,
  RunVerification,
} from "./types/run.ts";
import type { RunBudgetReport, RunGraph } from "./types/run-graph.ts";
import { urlPath } from "./url-path.ts";

/** Durable runs: programs that survive the server, with a journal of all that they were answered. Every method that names one: `not_found`. */
export class Runs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Starts a program. `wait` answers when it has ended, however: see {@link RunResult}. Errors: `not_found`, `invalid_argument`, `queue_full`. */
  async start(
    input: RunInput,
    options: CreateOptions & { readonly wait?: boolean | undefined } = {},
  ): Promise<RunResult> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("runs"),
      body: options.wait === true ? { ...input, wait: true } : input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }

  async list(filter: RunFilter = {}, options: CallOptions = {}): Promise<Page<RunInfo>> {
    const query = { ...filter, status: listOf(filter.status) };
    return this.#transport.json({ method: "GET", path: urlPath("runs"), query, signal: options.signal });
  }

  /** Every run that fits, newest first. */
  listAll(filter: RunFilter = {}, options: CallOptions = {}): AsyncGenerator<RunInfo, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  async get(id: string, options: CallOptions = {}): Promise<RunInfo> {
    return this.#transport.json({ method: "GET", path: urlPath("runs", id), signal: options.signal });
  }

  /** What it came to, so far. `wait` answers when it has ended; over a connection that may break, {@link Runs.wait} is better. */
  async result(id: string, options: CallOptions & { readonly wait?: boolean | undefined } = {}): Promise<RunResult> {
    const query = { wait: options.wait };
    return this.#transport.json({ method: "GET", path: urlPath("runs", id, "result"), query, signal: options.signal });
  }

  /** Resolves when it has ended; survives broken connections and restarts of the server. */
  async wait(id: string, options: CallOptions = {}): Promise<RunResult> {
    for await (const _ of this.follow(id, options)) {
      // Only its end matters, which the stream's end tells.
    }
    return this.result(id, options);
  }

  /** One page of its journal. */
  async journal(
    id: string,
    request: { readonly afterSeq?: number | undefined; readonly limit?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<RunRecordPage> {
    const path = urlPath("runs", id, "journal");
    return readPage<RunRecord>(this.#transport, path, request.afterSeq ?? 0, options.signal, request.limit);
  }

  /** Its journal and what comes, live, until it has ended; survives broken connections. Leaving early does not stop it. */
  follow(id: string, options: FollowOptions = {}): AsyncGenerator<RunRecord, void> {
    return followEvents<RunRecord>(this.#transport, urlPath("runs", id, "journal"), options);
  }

  /** What it has done and does. */
  async graph(id: string, options: CallOptions = {}): Promise<RunGraph> {
    return this.#transport.json({ method: "GET", path: urlPath("runs", id, "graph"), signal: options.signal });
  }

  /** What it may use, what it used, and when. */
  async budget(id: string, options: CallOptions = {}): Promise<RunBudgetReport> {
    return this.#transport.json({ method: "GET", path: urlPath("runs", id, "budget"), signal: options.signal });
  }

  /** Sends a signal, which is kept until somebody takes it. Errors: `conflict` when it has ended. */
  async signal(id: string, name: string, payload?: unknown, options: CallOptions = {}): Promise<void> {
    await this.#transport.json({
      method: "POST",
      path: urlPath("runs", id, "signals", name),
      body: payload === undefined ? {} : { payload },
      signal: options.signal,
    });
  }

  /** Asks for its end; resolves when that is on disk. Errors: `conflict` when it has ended. */
  async cancel(id: string, reason?: string, options: CallOptions = {}): Promise<RunInfo> {
    return this.#post(id, "cancel", reason === undefined ? {} : { reason }, options);
  }

  /** Takes up a run that stopped without an end: its program was unknown or had changed, or its journal could not be written. */
  async resume(id: string, options: CallOptions = {}): Promise<RunInfo> {
    return this.#post(id, "resume", undefined, options);
  }

  /** Takes it back to before a step and lets it go on from there. What was spent stays spent. Errors: `conflict` on an imported run. */
  async rollback(id: string, step: string, reason?: string, options: CallOptions = {}): Promise<RolledBackRun> {
    return this.#post(id, "rollback", reason === undefined ? { step } : { step, reason }, options);
  }

  /** Executes its program from the journal alone and compares what it decides. `live` does the steps in sandboxes again, too. */
  async replay(id: string, options: CallOptions & { readonly live?: boolean | undefined } = {}): Promise<RunReplay> {
    return this.#post(id, "replay", options.live === undefined ? {} : { live: options.live }, options);
  }

  /** A new run that has its history up to a step, which may get another input. */
  async fork(id: string, fork: RunFork, options: CallOptions = {}): Promise<{ readonly run: RunInfo }> {
    return this.#post(id, "fork", fork, options);
  }

  /** Has the server check every hash of its journal. */
  async verify(id: string, options: CallOptions = {}): Promise<RunVerification> {
    return this.#post(id, "verify", undefined, options);
  }

  /** The whole journal, one JSON object a line, as it comes: {@link Runs.import} takes it byte for byte. */
  async export(id: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const path = urlPath("runs", id, "export");
    const { signal } = options;
    return bodyOf(await this.#transport.raw({ method: "GET", path, accept: "application/x-ndjson", signal }));
  }

  /** Takes in an exported journal. Errors: `journal_corrupt` says where it is damaged, `already_exists` when the run is there. */
  async import(content: FileContent, options: CallOptions = {}): Promise<RunImport> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("runs", "import"),
      content: toContent(content),
      contentType: "application/x-ndjson",
      signal: options.signal,
    });
  }

  /** Removes it with its journal. Errors: `conflict` unless it has ended, and the run that started it, too. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("runs", id), signal: options.signal });
  }

  #post<T>(id: string, what: string, body: unknown, options: CallOptions): Promise<T> {
    return this.#transport.json<T>({ method: "POST", path: urlPath("runs", id, what), body, signal: options.signal });
  }
}
