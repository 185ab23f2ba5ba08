import { isGloveboxError } from "./errors.ts";
import { Execution, resultOfAnswer } from "./execution.ts";
import type { ExecutionCreateOptions, Executions } from "./executions.ts";
import { Files } from "./files.ts";
import type { FollowOptions } from "./follow.ts";
import type { Result } from "./result.ts";
import type { Sessions } from "./sessions.ts";
import { Snapshots } from "./snapshots.ts";
import type { Terminal, TerminalOptions } from "./terminal.ts";
import type { Transport } from "./transport.ts";
import type { StoredEvent } from "./types/event.ts";
import type { EventPage, EventPageRequest, ExecutionInput } from "./types/execution.ts";
import type { CallOptions, CreateOptions } from "./types/page.ts";
import type { PauseOptions, SessionInfo, SessionStats } from "./types/session.ts";
import type { ForkAnswer, ForkOptions, RollbackOptions, Snapshot } from "./types/snapshot.ts";
import { urlPath } from "./url-path.ts";

/** What may be said of an execution besides what it runs. */
export type RunOptions = CreateOptions & Omit<ExecutionInput, "kind" | "input" | "path" | "argv" | "idempotencyKey">;

/** What a fork made. */
export interface Fork extends Omit<ForkAnswer, "sessions"> {
  readonly sessions: readonly Session[];
}

/** One session: what is known of it, and what can be done in it. `await using` closes it at the end of the block. */
export class Session implements AsyncDisposable {
  readonly id: string;
  readonly files: Files;
  readonly snapshots: Snapshots;
  readonly #transport: Transport;
  readonly #sessions: Sessions;
  readonly #executions: Executions;
  #info: SessionInfo;

  constructor(transport: Transport, sessions: Sessions, executions: Executions, info: SessionInfo) {
    this.id = info.id;
    this.files = new Files(transport, info.id);
    this.snapshots = new Snapshots(transport, info.id);
    this.#transport = transport;
    this.#sessions = sessions;
    this.#executions = executions;
    this.#info = info;
  }

  /** What the server told last. */
  get info(): SessionInfo {
    return this.#info;
  }

  async refresh(options: CallOptions = {}): Promise<SessionInfo> {
    this.#info = await this.#sessions.info(this.id, options);
    return this.#info;
  }

  /**
   * Runs code in the session's REPL and resolves when it is over; state stays for the next call. `language` is needed only
   * where the session has several. Code that throws resolves too: look at `ok`, `exception` and `exitCode`.
   */
  run(code: string, options: RunOptions = {}): Promise<Result> {
    return this.#wait({ kind: "repl", input: code }, options);
  }

  /** Runs a file of the workspace. */
  runFile(path: string, options: RunOptions = {}): Promise<Result> {
    return this.#wait({ kind: "run_file", path }, options);
  }

  /** Runs a program and resolves when it is over. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.#wait({ kind: "command", argv }, options);
  }

  async #wait(what: ExecutionInput, options: RunOptions): Promise<Result> {
    const { signal, idempotencyKey, ...rest } = options;
    // Nobody can write to the stdin of what is waited for: without input it is empty, not open for ever.
    const input = what.kind === "command" && rest.stdin === undefined ? { ...rest, stdin: "" } : rest;
    const answer = await this.#executions.create(
      this.id,
      { ...input, ...what },
      { signal, idempotencyKey, wait: true },
    );
    return resultOfAnswer(this.#executions, answer, { signal });
  }

  /** Starts something and resolves once it is on disk: follow it, write to it, wait for it or cancel it through the handle. */
  async start(input: ExecutionInput, options: Omit<ExecutionCreateOptions, "wait"> = {}): Promise<Execution> {
    const { execution } = await this.#executions.create(this.id, input, options);
    return new Execution(this.#executions, execution);
  }

  /** Starts a program that does not take the session's turn: a server, a build. */
  spawn(argv: readonly string[], options: RunOptions = {}): Promise<Execution> {
    const { signal, idempotencyKey, ...rest } = options;
    return this.start({ background: true, ...rest, kind: "command", argv }, { signal, idempotencyKey });
  }

  /**
   * Runs code (or any other execution) and yields its events as they happen. Leaving the loop early, or aborting, cancels
   * the execution, so that the session is free again. Without `stdin` its input is empty; `start` gives a handle to write through.
   */
  async *stream(work: string | ExecutionInput, options: RunOptions = {}): AsyncGenerator<StoredEvent, void> {
    const { signal, idempotencyKey, ...rest } = options;
    const what: ExecutionInput = typeof work === "string" ? { kind: "repl", input: work } : work;
    const execution = await this.start({ stdin: "", ...rest, ...what }, { signal, idempotencyKey });
    let over = false;
    try {
      yield* execution.follow({ signal });
      over = true;
    } finally {
      if (!over) await execution.cancel().catch(() => {});
    }
  }

  /** What happened to the session: one page. */
  events(request: EventPageRequest = {}, options: CallOptions = {}): Promise<EventPage> {
    return this.#sessions.events(this.id, request, options);
  }

  /** What happened and happens to the session, live, until it ends. */
  follow(options: FollowOptions = {}): AsyncGenerator<StoredEvent, void> {
    return this.#sessions.follow(this.id, options);
  }

  /** Opens a terminal. */
  terminal(options: TerminalOptions = {}): Promise<Terminal> {
    return this.#sessions.terminal(this.id, options);
  }

  stats(options: CallOptions = {}): Promise<SessionStats> {
    return this.#sessions.stats(this.id, options);
  }

  /**
   * Puts the session, or chosen paths of its workspace, back into a snapshot's state; rolling back to `undo` undoes it. Errors: `conflict`
   * while something runs (`force` ends it), `snapshot_corrupt`.
   */
  async rollback(snapshot: string, options: RollbackOptions & CallOptions = {}): Promise<{ readonly undo: Snapshot }> {
    const { paths, force, signal } = options;
    const answer = await this.#transport.json<{ readonly session: SessionInfo; readonly undo: Snapshot }>({
      method: "POST",
      path: urlPath("sessions", this.id, "rollback"),
      body: { snapshot, paths, force },
      signal,
    });
    this.#info = answer.session;
    return { undo: answer.undo };
  }

  /** Makes sessions that continue from this one's state, or from a snapshot of it: all or none. `path` says what they have of it. */
  async fork(options: ForkOptions & CallOptions = {}): Promise<Fork> {
    const { count, snapshot, signal } = options;
    const answer = await this.#transport.json<ForkAnswer>({
      method: "POST",
      path: urlPath("sessions", this.id, "fork"),
      body: { count, snapshot },
      signal,
    });
    const sessions = answer.sessions.map(
      (info) => new Session(this.#transport, this.#sessions, this.#executions, info),
    );
    return { ...answer, sessions };
  }

  /** Counts as activity, so that the session does not end as idle. */
  async keepalive(options: CallOptions = {}): Promise<SessionInfo> {
    this.#info = await this.#sessions.keepalive(this.id, options);
    return this.#info;
  }

  /**
   * What runs in it stands still, and it takes no work until `resume`; with `release` its memory is given back, too, and all is kept on disk. Idempotent.
   * Errors: `not_supported_by_isolation`, `conflict` while an execution runs.
   */
  async pause(options: PauseOptions & CallOptions = {}): Promise<SessionInfo> {
    this.#info = await this.#sessions.pause(this.id, options);
    return this.#info;
  }

  /** Goes on where it stood. Idempotent. Errors: `resource_exhausted`, `snapshot_corrupt`, `snapshot_incompatible`: it stays paused. */
  async resume(options: CallOptions = {}): Promise<SessionInfo> {
    this.#info = await this.#sessions.resume(this.id, options);
    return this.#info;
  }

  /** Ends it, interrupting what runs in it. Its records stay. Idempotent. */
  async close(options: CallOptions = {}): Promise<SessionInfo> {
    this.#info = await this.#sessions.close(this.id, options);
    return this.#info;
  }

  /** Removes it, its files and its records. */
  delete(options: CallOptions = {}): Promise<void> {
    return this.#sessions.delete(this.id, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      if (!isGloveboxError(error, "not_found")) throw error; // deleted before: as closed as can be
    }
  }
}
