import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { type FileContent, toContent } from "./files.ts";
import { everyItem, listOf } from "./pages.ts";
import { DEFAULT_RETRY, pauseBeforeRetry } from "./retry.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type { CiInsights, CiLogLine, CiRun, CiRunFilter, CiStart, CiTranslation } from "./types/ci.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { type Query, urlPath } from "./url-path.ts";
import { wait } from "./wait.ts";

/** Reconnects in a row without a message in between before giving up. */
const MAX_FRUITLESS = 6;

/** Runs of GitHub's workflows. Every method that names one: `not_found`. */
export class Ci {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Uploads a checkout, as an uncompressed tar, for {@link Ci.start}; kept a day, and as long as a run names it. */
  async upload(archive: FileContent, options: CallOptions = {}): Promise<{ readonly id: string }> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("ci", "sources"),
      content: toContent(archive),
      contentType: "application/x-tar",
      signal: options.signal,
    });
  }

  /** Begins the workflows that an event starts: none, one, or several runs. Errors: `invalid_argument`, `not_found`, `queue_full`. */
  async start(input: CiStart, options: CallOptions = {}): Promise<{ readonly items: readonly CiRun[] }> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("ci", "runs"),
      body: input,
      signal: options.signal,
    });
  }

  async list(filter: CiRunFilter = {}, options: CallOptions = {}): Promise<Page<CiRun>> {
    const query = { ...filter, status: listOf(filter.status), conclusion: listOf(filter.conclusion) };
    return this.#transport.json({ method: "GET", path: urlPath("ci", "runs"), query, signal: options.signal });
  }

  /** Every run that fits, newest first. */
  listAll(filter: CiRunFilter = {}, options: CallOptions = {}): AsyncGenerator<CiRun, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  async get(id: string, options: CallOptions = {}): Promise<CiRun> {
    return this.#transport.json({ method: "GET", path: urlPath("ci", "runs", id), signal: options.signal });
  }

  /** As it is, and again at every change, until it is completed; survives broken connections. Leaving early does not end it. */
  follow(id: string, options: CallOptions = {}): AsyncGenerator<CiRun, void> {
    return this.#live<CiRun>(urlPath("ci", "runs", id), {}, options.signal);
  }

  /** Resolves when it is completed. */
  async wait(id: string, options: CallOptions = {}): Promise<CiRun> {
    let last: CiRun | undefined;
    for await (const run of this.follow(id, options)) last = run;
    return last ?? this.get(id, options);
  }

  /** What its steps printed, as it comes, until it is completed. `follow: false` ends with what is there; `job`: one job's, by key, id or name. */
  async *logs(
    id: string,
    options: CallOptions & { readonly job?: string | undefined; readonly follow?: boolean | undefined } = {},
  ): AsyncGenerator<CiLogLine, void> {
    const { job, follow, signal } = options;
    // A connection that broke begins anew: what was seen is not given again.
    const seen = new Map<string, number>();
    for await (const line of this.#live<CiLogLine>(urlPath("ci", "runs", id, "logs"), { job, follow }, signal)) {
      if (line.seq <= (seen.get(line.executionId) ?? 0)) continue;
      seen.set(line.executionId, line.seq);
      yield line;
    }
  }

  /** Another attempt, as a run of its own: of the whole, of what failed, or of one job, with what depends on it. Errors: `conflict` while it goes on. */
  async rerun(
    id: string,
    what: { readonly failedOnly?: boolean | undefined; readonly job?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<CiRun> {
    return this.#post(id, "rerun", what, options);
  }

  /** Lets it go on from the step at which a job failed, in the state before that step. Errors: `conflict` when there is no such step or state. */
  async retry(id: string, job?: string, options: CallOptions = {}): Promise<CiRun> {
    return this.#post(id, "retry", job === undefined ? {} : { job }, options);
  }

  /** Asks for its end: steps under way are ended, those that ask for it still run. Errors: `conflict` once it is completed. */
  async cancel(id: string, reason?: string, options: CallOptions = {}): Promise<CiRun> {
    return this.#post(id, "cancel", reason === undefined ? {} : { reason }, options);
  }

  /** A new session with the state at which a job's step failed. Errors: `conflict` when there is no such step or state. */
  async debug(id: string, job: string, options: CallOptions = {}): Promise<{ readonly sessionId: string }> {
    return this.#post(id, "debug", { job }, options);
  }

  /** What was learnt from a repository's runs (`owner/name`), of all its workflows or one. A repository that nobody ran has nothing. */
  async insights(
    repository: string,
    options: CallOptions & { readonly workflow?: string | undefined } = {},
  ): Promise<CiInsights> {
    const query = { repository, workflow: options.workflow };
    return this.#transport.json({ method: "GET", path: urlPath("ci", "insights"), query, signal: options.signal });
  }

  /**
   * Asks the server's model (`ci.translate.model`) for a file's build instructions as shell steps. Nothing is run. What goes wrong with the model is in
   * `error`. Errors: `unavailable` where no model is configured.
   */
  async translate(
    file: { readonly path: string; readonly text: string },
    options: CallOptions = {},
  ): Promise<CiTranslation> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("ci", "translations"),
      body: file,
      signal: options.signal,
    });
  }

  #post<T>(id: string, what: string, body: unknown, options: CallOptions): Promise<T> {
    const path = urlPath("ci", "runs", id, what);
    return this.#transport.json<T>({ method: "POST", path, body, signal: options.signal });
  }

  /** Messages of a stream that says itself when it is over. */
  async *#live<T>(path: string, query: Query, signal: AbortSignal | undefined): AsyncGenerator<T, void> {
    for (let fruitless = 0; ; fruitless += 1) {
      let failure: unknown = new GloveboxError("unavailable", "the server closed the stream");
      try {
        const response = await this.#transport.raw({ method: "GET", path, query, accept: "text/event-stream", signal });
        if (response.body === null) return;
        for await (const message of sseMessages(response.body)) {
          if (message.event === "error") throw errorOfMessage(message.data);
          if (message.event === "end") return;
          fruitless = 0;
          yield JSON.parse(message.data) as T;
        }
      } catch (error) {
        signal?.throwIfAborted();
        failure =
          error instanceof TypeError ? new GloveboxError("unavailable", "the stream broke", { cause: error }) : error;
      }
      const policy = { ...DEFAULT_RETRY, attempts: MAX_FRUITLESS + 1 };
      const pauseMs = pauseBeforeRetry(failure, fruitless + 1, true, policy);
      if (pauseMs === undefined) throw failure;
      await wait(pauseMs, signal);
    }
  }
}
