import type { ErrorCode } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

/** An agent outside the server, as it registered. */
export interface AgentRecord {
  readonly tenantId: string;
  /** Unique in its tenant. */
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly description: string;
  /** Tasks that it does at a time. */
  readonly maxTasks: number;
  /** Id of the token that registered it, and that alone may speak for it. */
  readonly owner: string;
  /** RFC 3339 */
  readonly registeredAt: string;
}

export interface AgentStore {
  /** Makes or replaces it. `resource_exhausted` when the tenant has `max` others. */
  put(agent: AgentRecord, options: { readonly max: number }): Promise<void>;
  get(tenantId: string, name: string): Promise<AgentRecord | undefined>;
  /** By name. */
  list(tenantId: string): Promise<readonly AgentRecord[]>;
  delete(tenantId: string, name: string): Promise<boolean>;
}

/** `failed`: it ended without a result. `dead`: its attempts are used up. */
export type AgentTaskState = "queued" | "leased" | "completed" | "failed" | "dead";

export interface AgentTaskAttempt {
  readonly agent: string;
  readonly startedMs: number;
  /** With `error`: absent while it goes on. */
  readonly endedMs?: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** A task in the queue for outside agents. Times are milliseconds since the epoch. */
export interface AgentTaskRecord {
  /** A UUIDv7: the order of the queue. */
  readonly id: string;
  readonly tenantId: string;
  readonly runId: string;
  /** Within its run. */
  readonly taskId: string;
  readonly type: string;
  /** Asking again with the same key gives the first one. */
  readonly key: string;
  /** Whom it is for; absent: whoever can do its type. */
  readonly agent?: string;
  /** Its agent was asked for by name: nobody else gets it. */
  readonly pinned: boolean;
  readonly state: AgentTaskState;
  readonly createdMs: number;
  /** Not given out before. */
  readonly dueMs: number;
  /** Fails then, whatever its state. */
  readonly deadlineMs: number;
  readonly lease?: { readonly id: string; readonly untilMs: number };
  /** Oldest first. */
  readonly attempts: readonly AgentTaskAttempt[];
  /** Of a dead one: how it came to that, for people. */
  readonly summary?: string;
}

export interface AgentTaskFilter extends PageRequest {
  readonly state?: readonly AgentTaskState[];
  readonly agent?: string;
  readonly runId?: string;
}

export interface AgentTaskStore {
  /** Adds it with its message, or resolves to the one that has its key. `queue_full` when the tenant has `max` that are not final. */
  enqueue(task: AgentTaskRecord, message: unknown, options: { readonly max: number }): Promise<AgentTaskRecord>;
  get(tenantId: string, id: string): Promise<AgentTaskRecord | undefined>;
  /** What the agent is told; absent once its run is gone. */
  message(tenantId: string, id: string): Promise<unknown>;
  /** What came of it; absent until it is final. */
  answer(tenantId: string, id: string): Promise<unknown>;
  /** Newest first. */
  list(tenantId: string, filter?: AgentTaskFilter): Promise<Page<AgentTaskRecord>>;
  /** The oldest one that is due and either for `agent` or for whoever can do one of `types`. */
  next(
    tenantId: string,
    query: { readonly agent: string; readonly types: readonly string[]; readonly nowMs: number },
  ): Promise<AgentTaskRecord | undefined>;
  /**
   * Replaces a task if it is still in the state, and under the lease, of `was`; false when it is not. `answer` comes with a final state. Of a tenant's dead ones the
   * newest `maxDead` stay.
   */
  change(
    was: AgentTaskRecord,
    now: AgentTaskRecord,
    options: { readonly answer?: unknown; readonly maxDead: number },
  ): Promise<boolean>;
  /** Of all tenants: what has an end of its lease or its deadline by now, at most `limit`. */
  overdue(nowMs: number, limit: number): Promise<readonly AgentTaskRecord[]>;
  /** Of all tenants: when the next lease, deadline or wait ends, after `nowMs`. */
  nextMs(nowMs: number): Promise<number | undefined>;
  /** How many that are not final each agent of the tenant has. */
  load(tenantId: string): Promise<ReadonlyMap<string, number>>;
  /** Lets whoever can have the queued tasks of an agent that were not asked of it by name. */
  release(tenantId: string, agent: string): Promise<number>;
  /** Of all tenants, by id: those that are final, after the id. */
  final(afterId: string, limit: number): Promise<readonly AgentTaskRecord[]>;
  /** Forgets the tasks of a run; of dead ones their messages. */
  removeRun(tenantId: string, runId: string): Promise<void>;
}
