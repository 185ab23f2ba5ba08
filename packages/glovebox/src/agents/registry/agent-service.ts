import { type ErrorCode, GloveboxError, type Principal, toTimestamp } from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";
import type { AgentTaskFilter, AgentTaskRecord, Page, Store } from "../../store/index.ts";
import { parseMessage } from "../messages/parse-message.ts";
import { TaskType } from "../messages/parts.ts";
import { AgentFailure, AgentOutcome, type Metrics } from "../messages/result.ts";
import type { AgentTask } from "../messages/task.ts";
import { type AgentDirectory, type AgentInfo, ANY_AGENT } from "./agent-directory.ts";
import { measureAnswer } from "./measure-answer.ts";
import type { AgentRegistration } from "./registration.ts";
import { AgentAnswer, type SingleTask, type TaskProgram } from "./task-program.ts";
import type { TaskQueue } from "./task-queue.ts";

const LEASE_MS = 60_000;

/** A task in the queue, as clients see it. Times are RFC 3339. */
export interface QueuedTask {
  readonly id: string;
  readonly runId: string;
  readonly taskId: string;
  readonly type: string;
  readonly agent?: string;
  readonly state: AgentTaskRecord["state"];
  readonly createdAt: string;
  readonly deadlineAt: string;
  readonly leaseUntil?: string;
  readonly attempts: readonly {
    readonly agent: string;
    readonly startedAt: string;
    readonly endedAt?: string;
    readonly error?: { readonly code: ErrorCode; readonly message: string };
  }[];
  readonly summary?: string;
}

/** What an agent gets when it asks for work. */
export interface TaskLease {
  /** Of the queued task. */
  readonly id: string;
  /** Proves that the task is still the agent's. */
  readonly leaseId: string;
  readonly leaseUntil: string;
  /** From 1. */
  readonly attempt: number;
  readonly task: AgentTask;
}

/** What clients do with agents. Who holds a task may alone speak of it; nothing is seen of other tenants. */
export class AgentService {
  readonly #directory: AgentDirectory;
  readonly #queue: TaskQueue;
  readonly #engine: DurableEngine;
  readonly #store: Pick<Store, "agentTasks">;
  readonly #program: TaskProgram;

  constructor(parts: {
    readonly directory: AgentDirectory;
    readonly queue: TaskQueue;
    readonly engine: DurableEngine;
    readonly store: Pick<Store, "agentTasks">;
    readonly program: TaskProgram;
  }) {
    this.#directory = parts.directory;
    this.#queue = parts.queue;
    this.#engine = parts.engine;
    this.#store = parts.store;
    this.#program = parts.program;
  }

  list(tenantId: string): Promise<readonly AgentInfo[]> {
    return this.#directory.list(tenantId);
  }

  get(tenantId: string, name: string): Promise<AgentInfo> {
    return this.#directory.get(tenantId, name);
  }

  register(principal: Principal, registration: AgentRegistration): Promise<AgentInfo> {
    return this.#directory.register(principal, registration);
  }

  async heartbeat(principal: Principal, name: string): Promise<AgentInfo> {
    const { tenantId } = await this.#directory.speakFor(principal, name);
    this.#directory.seen(tenantId, name);
    return this.#directory.get(tenantId, name);
  }

  remove(principal: Principal, name: string): Promise<void> {
    return this.#directory.remove(principal, name);
  }

  /** Work for an agent, or nothing within `waitMs` (default 0). `leaseMs`: how long it is the agent's until it says more; default 60 s. */
  async lease(
    principal: Principal,
    asked: { readonly agent: string; readonly waitMs?: number | undefined; readonly leaseMs?: number | undefined },
    signal: AbortSignal,
  ): Promise<TaskLease | undefined> {
    const agent = await this.#directory.speakFor(principal, asked.agent);
    const { waitMs = 0, leaseMs = LEASE_MS } = asked;
    const found = await this.#queue.lease(agent, { waitMs, leaseMs, signal });
    if (found?.record.lease === undefined) return undefined;
    const { id, lease, attempts } = found.record;
    const leaseUntil = toTimestamp(lease.untilMs);
    return { id, leaseId: lease.id, leaseUntil, attempt: attempts.length, task: found.task };
  }

  async extend(
    principal: Principal,
    id: string,
    asked: { readonly leaseId: string; readonly leaseMs?: number | undefined },
  ) {
    const record = await this.#held(principal, id, asked.leaseId);
    return viewOf(await this.#queue.extend(record, asked.leaseMs ?? LEASE_MS));
  }

  async complete(
    principal: Principal,
    id: string,
    { leaseId, payload, metrics }: { readonly leaseId: string; readonly payload: unknown; readonly metrics: Metrics },
  ): Promise<QueuedTask> {
    const record = await this.#held(principal, id, leaseId);
    await this.#queue.complete(record, parseMessage(AgentOutcome, payload, "the result"), metrics);
    return this.task(principal.tenantId, id, record);
  }

  async fail(
    principal: Principal,
    id: string,
    { leaseId, error }: { readonly leaseId: string; readonly error: unknown },
  ): Promise<QueuedTask> {
    const record = await this.#held(principal, id, leaseId);
    await this.#queue.fail(record, parseMessage(AgentFailure, error, "the error"));
    return this.task(principal.tenantId, id, record);
  }

  async tasks(tenantId: string, filter: AgentTaskFilter): Promise<Page<QueuedTask>> {
    const { items, ...rest } = await this.#store.agentTasks.list(tenantId, filter);
    return { items: items.map(viewOf), ...rest };
  }

  /** `not_found`, or `gone`: what it was before its run ended just now. */
  async task(tenantId: string, id: string, gone?: AgentTaskRecord): Promise<QueuedTask> {
    const record = (await this.#store.agentTasks.get(tenantId, id)) ?? gone;
    if (record === undefined) throw new GloveboxError("not_found", `no task ${id}`);
    return viewOf(record);
  }

  /** Starts a run that has one task done by that agent; `any`: by whoever does tasks of its type and has the least to do. */
  async run(tenantId: string, name: string, task: SingleTask, idempotencyKey: string | undefined): Promise<string> {
    const input = { ...task, ...(await this.#addressed(tenantId, name, task.type)) };
    const options = { tenantId, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    return (await this.#engine.start(this.#program, input, options)).id;
  }

  /** What came of such a run's task; waits for it. Rejects as the run does. */
  async answer(tenantId: string, runId: string, signal: AbortSignal): Promise<AgentAnswer> {
    const output = AgentAnswer.parse(await this.#engine.result(tenantId, runId, signal));
    return measureAnswer(output, this.#engine.journal(tenantId, runId));
  }

  async #addressed(
    tenantId: string,
    name: string,
    type: TaskType | undefined,
  ): Promise<{ readonly type: TaskType; readonly agent?: string }> {
    if (name === ANY_AGENT) {
      if (type === undefined) throw wrongType("a task for any agent needs a type");
      return { type };
    }
    const { capabilities } = await this.#directory.get(tenantId, name);
    const chosen = type ?? TaskType.parse(capabilities[0]);
    if (!capabilities.includes(chosen)) throw wrongType(`${name} does not do tasks of type ${chosen}`);
    return { type: chosen, agent: name };
  }

  async #held(principal: Principal, id: string, leaseId: string): Promise<AgentTaskRecord> {
    const record = await this.#queue.held(principal.tenantId, id, leaseId);
    const { tenantId, name } = await this.#directory.speakFor(principal, record.agent ?? "");
    this.#directory.seen(tenantId, name);
    return record;
  }
}

function wrongType(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path: "type" } });
}

function viewOf(record: AgentTaskRecord): QueuedTask {
  const { id, runId, taskId, type, agent, state, createdMs, deadlineMs, lease, attempts, summary } = record;
  return {
    ...{ id, runId, taskId, type, state, createdAt: toTimestamp(createdMs), deadlineAt: toTimestamp(deadlineMs) },
    ...(agent !== undefined && { agent }),
    ...(lease !== undefined && { leaseUntil: toTimestamp(lease.untilMs) }),
    attempts: attempts.map(({ agent: by, startedMs, endedMs, error }) => ({
      agent: by,
      startedAt: toTimestamp(startedMs),
      ...(endedMs !== undefined && { endedAt: toTimestamp(endedMs) }),
      ...(error !== undefined && { error }),
    })),
    ...(summary !== undefined && { summary }),
  };
}
