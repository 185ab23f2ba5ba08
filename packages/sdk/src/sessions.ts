import type { Executions } from "./executions.ts";
import { type FollowOptions, followEvents, readPage } from "./follow.ts";
import { idempotencyKey } from "./idempotency.ts";
import { everyItem, listOf } from "./pages.ts";
import { Session } from "./session.ts";
import { openTerminal, type Terminal, type TerminalOptions } from "./terminal.ts";
import type { Transport } from "./transport.ts";
import type { StoredEvent } from "./types/event.ts";
import type { EventPage, EventPageRequest } from "./types/execution.ts";
import type { CallOptions, CreateOptions, Page } from "./types/page.ts";
import type { PauseOptions, SessionFilter, SessionInfo, SessionInput, SessionStats } from "./types/session.ts";
import { urlPath } from "./url-path.ts";

/** The tenant's sessions. */
export class Sessions {
  readonly #transport: Transport;
  readonly #executions: Executions;

  constructor(transport: Transport, executions: Executions) {
    this.#transport = transport;
    this.#executions = executions;
  }

  /**
   * Makes a session and resolves when it is ready. Errors: `not_found` (template), `language_unavailable`,
   * `isolation_unavailable`, `limits_unenforceable`, `workspace_invalid`, `startup_failed`, `resource_exhausted`, `conflict` (key).
   */
  async create(input: SessionInput = {}, options: CreateOptions = {}): Promise<Session> {
    const info = await this.#transport.json<SessionInfo>({
      method: "POST",
      path: urlPath("sessions"),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
    return new Session(this.#transport, this, this.#executions, info);
  }

  /** The session of this id, with what can be done in it. */
  async get(id: string, options: CallOptions = {}): Promise<Session> {
    return new Session(this.#transport, this, this.#executions, await this.info(id, options));
  }

  /** What is known of a session. */
  async info(id: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#transport.json({ method: "GET", path: urlPath("sessions", id), signal: options.signal });
  }

  async list(filter: SessionFilter = {}, options: CallOptions = {}): Promise<Page<SessionInfo>> {
    const metadata = Object.entries(filter.metadata ?? {}).map(([name, value]) => `${name}=${value}`);
    return this.#transport.json({
      method: "GET",
      path: urlPath("sessions"),
      query: { ...filter, status: listOf(filter.status), metadata },
      signal: options.signal,
    });
  }

  /** Every session that fits, newest first. */
  listAll(filter: SessionFilter = {}, options: CallOptions = {}): AsyncGenerator<SessionInfo, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  async close(id: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#post(id, "close", options);
  }

  async keepalive(id: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#post(id, "keepalive", options);
  }

  /** What runs in it stands still, and it takes no work. Errors: `not_supported_by_isolation`, `conflict` while an execution runs. */
  async pause(id: string, options: PauseOptions & CallOptions = {}): Promise<SessionInfo> {
    const { release, signal } = options;
    const path = urlPath("sessions", id, "pause");
    return this.#transport.json({ method: "POST", path, body: { release }, repeatable: true, signal });
  }

  /** One that is paused goes on where it stood. */
  async resume(id: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#post(id, "resume", options);
  }

  #post(id: string, verb: string, options: CallOptions): Promise<SessionInfo> {
    const path = urlPath("sessions", id, verb);
    return this.#transport.json({ method: "POST", path, repeatable: true, signal: options.signal });
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("sessions", id), signal: options.signal });
  }

  async stats(id: string, options: CallOptions = {}): Promise<SessionStats> {
    return this.#transport.json({ method: "GET", path: urlPath("sessions", id, "stats"), signal: options.signal });
  }

  async events(id: string, request: EventPageRequest = {}, options: CallOptions = {}): Promise<EventPage> {
    const path = urlPath("sessions", id, "events");
    return readPage(this.#transport, path, request.afterSeq ?? 0, options.signal, request.limit);
  }

  follow(id: string, options: FollowOptions = {}): AsyncGenerator<StoredEvent, void> {
    return followEvents(this.#transport, urlPath("sessions", id, "events"), options);
  }

  terminal(id: string, options: TerminalOptions = {}): Promise<Terminal> {
    return openTerminal(this.#transport, id, options);
  }
}
