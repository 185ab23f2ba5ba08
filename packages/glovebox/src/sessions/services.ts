import type {
  AppliedLimit,
  Capability,
  Execution,
  ExecutionInput,
  Isolation,
  Language,
  Pool,
  PoolChange,
  SandboxService,
  Session,
  SessionInput,
  Snapshot,
  SnapshotChange,
  SnapshotInput,
  StartupFile,
  StoredEvent,
  StreamRef,
  Template,
  TemplateInput,
  TemplatePatch,
} from "../core/index.ts";
import type { ProbeResult, SandboxFiles, SandboxStats } from "../sandbox/index.ts";
import type { ExecutionFilter, Page, PageRequest, SessionFilter } from "../store/index.ts";
import type { GrowingRedactor } from "./output/growing-redactor.ts";
import type { OutputReader } from "./output/output-reader.ts";

/** What the room offers to surfaces, the CLI in-process, and later rooms. Inputs have passed their zod schema. */
export interface SessionServices extends AsyncDisposable {
  readonly templates: TemplateService;
  readonly sessions: SessionService;
  readonly executions: ExecutionService;
  readonly snapshots: SnapshotService;
  readonly pools: PoolService;
  /** Probes (cached; `fresh` asks again) of every driver, and what the default isolation is and why. */
  isolations(options?: { readonly fresh?: boolean }): Promise<{
    readonly probes: Readonly<Partial<Record<Isolation, ProbeResult>>>;
    readonly default?: Isolation;
    readonly why: string;
  }>;
}

export interface TemplateService {
  create(tenantId: string, input: TemplateInput): Promise<Template>;
  get(tenantId: string, idOrName: string, version?: number): Promise<Template>;
  list(
    tenantId: string,
    page?: PageRequest & { readonly name?: string; readonly isolation?: Isolation },
  ): Promise<Page<Template>>;
  /** `expectedVersion` (from If-Match) gives `version_conflict` when it is not the current one. */
  update(tenantId: string, idOrName: string, patch: TemplatePatch, expectedVersion?: number): Promise<Template>;
  clone(tenantId: string, idOrName: string, name: string): Promise<Template>;
  delete(tenantId: string, idOrName: string): Promise<void>;
  addCapability(tenantId: string, idOrName: string, capability: Capability): Promise<Template>;
  removeCapability(tenantId: string, idOrName: string, kind: Capability["kind"], name: string): Promise<Template>;
  addStartupFile(tenantId: string, idOrName: string, file: StartupFile): Promise<Template>;
  removeStartupFile(tenantId: string, idOrName: string, path: string): Promise<Template>;
  addModule(tenantId: string, idOrName: string, name: string): Promise<Template>;
  removeModule(tenantId: string, idOrName: string, name: string): Promise<Template>;
  addLibrary(tenantId: string, idOrName: string, name: string): Promise<Template>;
  removeLibrary(tenantId: string, idOrName: string, name: string): Promise<Template>;
  /** What templates may name: modules, libraries with their pinned versions, languages with the isolations that run them. */
  catalog(): Promise<{
    readonly modules: readonly { readonly name: string; readonly description: string }[];
    readonly libraries: readonly { readonly name: string; readonly global: string; readonly version: string }[];
    readonly languages: readonly { readonly name: Language; readonly isolations: readonly Isolation[] }[];
  }>;
}

export interface SessionService {
  /** Resolves when the session is `ready` (its startup files have run). `reused` tells that `reuse` found an open one. */
  create(
    tenantId: string,
    input: SessionInput,
    options?: {
      readonly trusted?: boolean;
      readonly signal?: AbortSignal;
      /** Its programs have a way to what the server itself offers ({@link SessionService.offer}), also where the template has no network. */
      readonly services?: true;
    },
  ): Promise<{ readonly session: Session; readonly reused: boolean }>;
  get(tenantId: string, id: string): Promise<Session>;
  list(tenantId: string, filter?: SessionFilter): Promise<Page<Session>>;
  close(tenantId: string, id: string, by?: string): Promise<Session>;
  delete(tenantId: string, id: string): Promise<void>;
  keepalive(tenantId: string, id: string): Promise<Session>;
  /**
   * Nothing in it runs from then on, and it takes no work; `release` also gives its memory back and keeps everything on disk. Idempotent; one that is paused
   * can still be released. Its lifetime counts on, idle time does not. Errors: `not_supported_by_isolation`, `conflict` while an execution has the
   * session's turn or a deadline; with `release` those of a snapshot.
   */
  pause(tenantId: string, id: string, options?: { readonly release?: boolean }): Promise<Session>;
  /** It goes on where it stood. Idempotent. Errors: of one that was released `resource_exhausted`, `snapshot_corrupt`, `snapshot_incompatible`: it stays paused. */
  resume(tenantId: string, id: string): Promise<Session>;
  stats(tenantId: string, id: string): Promise<SandboxStats & { readonly limits: readonly AppliedLimit[] }>;
  /** The files of a session that is ready; counts as activity. */
  files(tenantId: string, id: string): Promise<SandboxFiles>;
  /**
   * What the session's output, events and rows are masked with; values can be added while it is open. They are kept in memory alone: after a restart they are to be given again.
   * `unavailable` when the server masks nothing.
   */
  masks(tenantId: string, id: string): Promise<GrowingRedactor>;
  /**
   * Offers a service of the server's own to the session's programs; again after a restart and whenever its sandbox is replaced. False: the session has no way to it, having been
   * made without `services` from a template without a network.
   */
  offer(tenantId: string, id: string, service: SandboxService): Promise<boolean>;
  eventStream(tenantId: string, id: string): Promise<StreamRef>;
  /** Sessions and executions by status, for `summary`. */
  summary(tenantId: string): Promise<{
    readonly sessions: {
      readonly total: number;
      readonly live: number;
      readonly byStatus: Readonly<Record<string, number>>;
    };
    readonly executions: {
      readonly byStatus: Readonly<Record<string, number>>;
      readonly queued: number;
      readonly running: number;
    };
  }>;
}

/** Sandboxes that are ready before a session asks, per template. Errors of all: `not_found`, `unavailable` before the server has started. */
export interface PoolService {
  /** Of all templates that have one, by name. */
  list(tenantId: string): Promise<readonly Pool[]>;
  show(tenantId: string, idOrName: string): Promise<Pool>;
  /** Changes its size from now on, over restarts too; the template stays as it is. Errors: `invalid_argument` when `min` is above `max`. */
  set(tenantId: string, idOrName: string, change: PoolChange): Promise<Pool>;
  /** Destroys what is ready; it is filled anew. To have it stay empty, set `max` to 0. */
  drain(tenantId: string, idOrName: string): Promise<Pool>;
}

/** What a session is found by. */
export interface SessionIdentity {
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Snapshots of sessions. Errors of all: `not_found`, `not_supported_by_isolation`; of what needs the live session: `session_not_ready`. */
export interface SnapshotService {
  /** Freezes a session's state; what runs in it stands still meanwhile. On disk when it resolves. Errors: `resource_exhausted` (a quota, no space, too much). */
  create(tenantId: string, sessionId: string, input?: SnapshotInput): Promise<Snapshot>;
  get(tenantId: string, sessionId: string, id: string): Promise<Snapshot>;
  /** Newest first. `head`: the snapshot that the session's state comes from. */
  list(tenantId: string, sessionId: string, page?: PageRequest): Promise<Page<Snapshot> & { readonly head?: string }>;
  /** What differs from one snapshot to another, or to the present; `truncated` after 10,000 changes. Errors: `snapshot_corrupt`. */
  diff(
    tenantId: string,
    sessionId: string,
    beforeId: string,
    afterId?: string,
  ): Promise<{ readonly items: readonly SnapshotChange[]; readonly truncated: boolean }>;
  delete(tenantId: string, sessionId: string, id: string): Promise<void>;
  /**
   * Puts a session back into a snapshot's state, or chosen paths of its workspace. The present is taken first, as `undo`. Doing it twice gives
   * the same state. Errors: `conflict` while something runs (`force` ends it), `snapshot_corrupt` and `snapshot_incompatible`: nothing is changed then.
   */
  rollback(
    tenantId: string,
    sessionId: string,
    id: string,
    options?: { readonly paths?: readonly string[]; readonly force?: boolean },
  ): Promise<{ readonly session: Session; readonly undo: Snapshot }>;
  /**
   * New sessions with the state of this one, or of a snapshot of it (also when it is closed). All or none. `count` 1 to 64, default 1. `path` says what
   * they have: `files`, or memory and processes too. `as`: what a single one is known by, instead of its parent's metadata and no key. Errors: `resource_exhausted` (a
   * quota), `conflict` (an open session has the key).
   */
  fork(
    tenantId: string,
    sessionId: string,
    options?: { readonly count?: number; readonly snapshotId?: string; readonly as?: SessionIdentity },
  ): Promise<{
    readonly sessions: readonly Session[];
    readonly path: "files" | "shared" | "copied";
    readonly silentMs: number;
  }>;
}

export interface ExecutionService {
  /**
   * Stores the execution and starts it or puts it in the queue; resolves once that is on disk. Await `finished` for its end.
   * `existing` tells that the idempotency key found an earlier one. `reader`: gets what it prints first; after a restart of the server the execution's output waits with the
   * sandbox until {@link read} brings another. `isFirst`: the caller knows that nothing was ever started with the key, so that nobody needs to look; it saves a write before the
   * beginning.
   */
  start(
    tenantId: string,
    sessionId: string,
    input: ExecutionInput,
    options?: { readonly reader?: OutputReader; readonly isFirst?: boolean },
  ): Promise<{ readonly execution: Execution; readonly existing: boolean; readonly finished: Promise<Execution> }>;
  /** The execution of an idempotency key, or `undefined`. Looks through all of the session's, newest first: for what is done after a crash. */
  find(tenantId: string, sessionId: string, idempotencyKey: string): Promise<Execution | undefined>;
  /** Brings the reader of an execution that outlived its server. No effect when it has one, needs none, or is over. */
  read(tenantId: string, id: string, reader: OutputReader): void;
  get(tenantId: string, id: string): Promise<Execution>;
  list(tenantId: string, filter?: ExecutionFilter): Promise<Page<Execution>>;
  /** Resolves when it is over. Cancelling what is over returns it unchanged. */
  cancel(tenantId: string, id: string): Promise<Execution>;
  /** Resolves when the sandbox has taken the bytes. `conflict` when it is over or its stdin is closed. */
  writeStdin(tenantId: string, id: string, data: Uint8Array, options?: { readonly close?: boolean }): Promise<void>;
  resize(tenantId: string, id: string, rows: number, columns: number): Promise<void>;
  /** Resolves when it is over, at once when it is already. */
  wait(tenantId: string, id: string, signal?: AbortSignal): Promise<Execution>;
  /** `isKnown`: whoever asks has the execution in hand, so it is not looked for; else `not_found` for one that there is not. */
  events(
    tenantId: string,
    id: string,
    options?: { readonly afterSeq?: number; readonly limit?: number; readonly isKnown?: boolean },
  ): Promise<readonly StoredEvent[]>;
  follow(
    tenantId: string,
    id: string,
    options?: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<StoredEvent>;
}
