import type {
  Execution,
  ExecutionKind,
  ExecutionStatus,
  Isolation,
  Language,
  NewEvent,
  Session,
  SessionStatus,
  StoredEvent,
  StreamRef,
  Template,
  Token,
} from "../core/index.ts";
import type { AgentStore, AgentTaskStore } from "./agent-records.ts";
import type { AuditStore } from "./audit-records.ts";
import type { CiRunStore } from "./ci-run-records.ts";
import type { ApprovalStore, ConversationStore } from "./conversation-records.ts";
import type { LessonStore } from "./lesson-records.ts";
import type { DeliveryStore, ReportStore, RepositoryStore, SealedValueStore } from "./repository-records.ts";
import type { RunStore } from "./run-records.ts";
import type { SealedAuthorityStore, SecretStore } from "./sealed-records.ts";
import type { SnapshotStore } from "./snapshot-records.ts";

/** One page of a list, newest first unless said otherwise. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
}

export interface PageRequest {
  /** 1 to 1,000; default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** Everything a node keeps. Every write resolves once it is on disk; a failed one rejects with `store_failed`. */
export interface Store extends AsyncDisposable {
  readonly templates: TemplateStore;
  readonly sessions: SessionStore;
  readonly executions: ExecutionStore;
  readonly tokens: TokenStore;
  readonly idempotency: IdempotencyStore;
  readonly secrets: SecretStore;
  readonly authorities: SealedAuthorityStore;
  readonly audit: AuditStore;
  readonly runs: RunStore;
  readonly snapshots: SnapshotStore;
  readonly conversations: ConversationStore;
  readonly approvals: ApprovalStore;
  readonly repositories: RepositoryStore;
  readonly sealedValues: SealedValueStore;
  readonly deliveries: DeliveryStore;
  readonly reports: ReportStore;
  readonly ciRuns: CiRunStore;
  readonly lessons: LessonStore;
  readonly agents: AgentStore;
  readonly agentTasks: AgentTaskStore;
  readonly events: EventLog;
  readonly blobs: BlobStore;
  readonly settings: SettingsStore;
  readonly maintenance: Maintenance;
}

export interface TemplateStore {
  /** `already_exists` when the tenant has one of that name. */
  create(template: Template): Promise<void>;
  /** Adds the next version; `version_conflict` when `template.version` is not the current one plus 1. */
  addVersion(template: Template): Promise<void>;
  /** The newest version, or the one asked for; also of a deleted template when a version is asked for. */
  get(tenantId: string, idOrName: string, version?: number): Promise<Template | undefined>;
  list(
    tenantId: string,
    page?: PageRequest & { readonly name?: string; readonly isolation?: Isolation },
  ): Promise<Page<Template>>;
  /** Of all tenants: the newest versions that want a pool of ready sandboxes. */
  pooled(): Promise<readonly Template[]>;
  /** `template_in_use` when a live session was made from it, decided atomically with the deletion. */
  delete(tenantId: string, id: string): Promise<boolean>;
}

export interface SessionFilter extends PageRequest {
  readonly status?: readonly SessionStatus[];
  readonly templateId?: string;
  readonly key?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What the host must remember of a live session beyond what clients see. */
export interface SessionInternals {
  /** The sandbox's `SandboxRecord`, JSON. */
  readonly sandboxRecord?: unknown;
  readonly workspaceDir: string;
  /** The snapshot that its state comes from. */
  readonly snapshotId?: string;
  /** Of a paused session that has no sandbox: the snapshot that it goes on from. */
  readonly releasedTo?: string;
  /** Processes that came along with the sandbox's memory, by their ids: no execution of the session started them. */
  readonly inherited?: readonly number[];
}

/** `undefined` removes a field. */
export type SessionInternalsPatch = { readonly [K in keyof SessionInternals]?: SessionInternals[K] | undefined };

export type SessionPatch = Partial<Omit<Session, "id" | "tenantId" | "createdAt">>;

export interface SessionStore {
  /** `conflict` when an open session of the tenant has the same key; `resource_exhausted` when `maxLive` is reached. */
  create(session: Session, internals: SessionInternals, limits?: { readonly maxLive?: number }): Promise<void>;
  /** All of them or none; errors as of `create`. */
  createAll(
    all: readonly { readonly session: Session; readonly internals: SessionInternals }[],
    limits?: { readonly maxLive?: number },
  ): Promise<void>;
  get(tenantId: string, id: string): Promise<Session | undefined>;
  internals(id: string): Promise<SessionInternals | undefined>;
  /** The workspace folders of all sessions there are. */
  workspaceDirs(): Promise<readonly string[]>;
  openByKey(tenantId: string, key: string): Promise<Session | undefined>;
  list(tenantId: string, filter?: SessionFilter): Promise<Page<Session>>;
  /** Every tenant's live sessions, for recovery and for the sweepers. */
  live(): Promise<readonly Session[]>;
  /**
   * Changes a session if its status is one of `from` (any, when absent). Resolves to the new state, or to `undefined`
   * when there is none such or the status did not fit. `undefined` values in the patch remove the field.
   */
  update(
    tenantId: string,
    id: string,
    patch: { readonly [K in keyof SessionPatch]: SessionPatch[K] | undefined },
    options?: { readonly from?: readonly SessionStatus[]; readonly internals?: SessionInternalsPatch },
  ): Promise<Session | undefined>;
  delete(tenantId: string, id: string): Promise<boolean>;
  countByStatus(tenantId: string): Promise<Readonly<Record<string, number>>>;
}

export interface ExecutionFilter extends PageRequest {
  readonly sessionId?: string;
  readonly kind?: readonly ExecutionKind[];
  readonly status?: readonly ExecutionStatus[];
  readonly language?: Language;
  /** Created at or after / before, RFC 3339. */
  readonly since?: string;
  readonly until?: string;
}

export interface ExecutionStore {
  /**
   * With an idempotency key that the session already has: resolves to the first execution when `requestHash` is the same, else
   * rejects with `conflict`. Otherwise stores and resolves to `execution`.
   */
  create(execution: Execution, requestHash?: string): Promise<Execution>;
  get(tenantId: string, id: string): Promise<Execution | undefined>;
  list(tenantId: string, filter?: ExecutionFilter): Promise<Page<Execution>>;
  /** Executions of a session that are not final, oldest first. */
  unfinished(sessionId: string): Promise<readonly Execution[]>;
  /** Every tenant's, for recovery. */
  allUnfinished(): Promise<readonly Execution[]>;
  /**
   * Changes an execution that is not final; `undefined` when there is none such or it is final already. `after`: not before all that
   * was asked for on this event stream is on disk, and `store_failed` when the last of it failed. So the two need not be awaited in turn.
   * Such a change only repeats what the stream says: every reader sees it, but a power cut may lose it, and recovery makes it again.
   */
  update(
    tenantId: string,
    id: string,
    patch: Partial<Omit<Execution, "id" | "tenantId" | "sessionId">>,
    options?: { readonly after?: StreamRef },
  ): Promise<Execution | undefined>;
  countByStatus(tenantId: string): Promise<Readonly<Record<string, number>>>;
}

export interface TokenStore {
  create(token: Token, secretHash: string): Promise<void>;
  /** By the SHA-256 of the secret, hex. */
  findByHash(secretHash: string): Promise<Token | undefined>;
  list(tenantId: string, page?: PageRequest): Promise<Page<Token>>;
  touch(id: string, lastUsedAt: string): Promise<void>;
  delete(tenantId: string, id: string): Promise<boolean>;
}

export interface IdempotencyStore {
  /**
   * Claims `(tenantId, operation, key)` for 24 h. `claimed`: the caller does the work and then calls `settle`. `settled`: the stored
   * answer. `pending`: another request does the work now. `conflict`: the key was used with another request.
   */
  claim(
    tenantId: string,
    operation: string,
    key: string,
    requestHash: string,
  ): Promise<
    { readonly state: "claimed" | "pending" | "conflict" } | { readonly state: "settled"; readonly entityId: string }
  >;
  settle(tenantId: string, operation: string, key: string, entityId: string): Promise<void>;
  release(tenantId: string, operation: string, key: string): Promise<void>;
}

export interface AppendResult {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface EventLog {
  /**
   * Appends events and, in the same transaction, replaces the stream's `state` (JSON of the producer, at most 64 KiB). Seqs are contiguous
   * from 1. Resolves when on disk; concurrent appends share a commit, an idle log commits at once.
   */
  append(stream: StreamRef, events: readonly NewEvent[], state?: unknown): Promise<AppendResult>;
  /** Events with `seq > afterSeq`, in order. `limit` 1 to 10,000, default 1,000. */
  read(
    stream: StreamRef,
    options?: { readonly afterSeq?: number; readonly limit?: number },
  ): Promise<readonly StoredEvent[]>;
  /** What the producer stored last, and the last seq (0 when the stream is empty). */
  state(stream: StreamRef): Promise<{ readonly state: unknown; readonly lastSeq: number }>;
  /**
   * All events after `afterSeq`, then each new one as soon as it is on disk, until the signal aborts or the stream is closed.
   * A slow consumer only reads later.
   */
  follow(
    stream: StreamRef,
    options?: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<StoredEvent>;
  /** No more events will come; `follow` ends after the last one. */
  close(stream: StreamRef): Promise<void>;
}

export interface BlobStore {
  /** Stores bytes under their SHA-256 (hex), streaming. */
  put(data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ readonly hash: string; readonly size: number }>;
  get(hash: string): AsyncIterable<Uint8Array>;
  has(hash: string): Promise<boolean>;
  delete(hash: string): Promise<void>;
}

export interface SettingsStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
}

/** Days to keep, per kind; `null` keeps for ever. */
export interface RetentionPolicy {
  readonly events: number | null;
  readonly executions: number | null;
  readonly closedSessions: number | null;
  /** From their end. */
  readonly runs: number | null;
}

export interface Maintenance {
  retention(): Promise<RetentionPolicy>;
  setRetention(policy: RetentionPolicy): Promise<void>;
  /** Removes what is past its retention, or only tells what it would remove. */
  sweep(options: {
    readonly dryRun: boolean;
    readonly nowMs?: number;
  }): Promise<Readonly<Record<keyof RetentionPolicy, number>>>;
  /** A consistent copy of everything, while running, as one file with checksums. */
  backup(file: string, signal?: AbortSignal): Promise<{ readonly bytes: number; readonly sha256: string }>;
}
