import { type Clock, GloveboxError, isGloveboxError, type Logger, newId } from "../../core/index.ts";
import type { AgentRecord, AgentTaskRecord, AgentTaskState, Store } from "../../store/index.ts";
import { errorAnswer, errorOf } from "../messages/make-message.ts";
import { PROTOCOL_VERSION } from "../messages/parts.ts";
import type { AgentError, AgentFailure, AgentOutcome, AgentResult, Metrics } from "../messages/result.ts";
import type { AgentTask } from "../messages/task.ts";
import type { AgentDirectory } from "./agent-directory.ts";
import { complete, expire, fail, leaseTo } from "./attempts.ts";
import { Bell } from "./bell.ts";

/** Tasks of a tenant that have not ended. */
const MAX_QUEUED = 10_000;
/** Dead tasks of a tenant that are kept. */
const MAX_DEAD = 1_000;
/** For a task that does not say. */
export const TASK_TIMEOUT_MS = 3_600_000;
/** How long the queue sleeps at most. */
const MAX_SLEEP_MS = 60_000;
const BATCH = 100;

/** A task in the hands of an agent. */
export interface LeasedTask {
  readonly record: AgentTaskRecord;
  readonly task: AgentTask;
}

export interface TaskQueueParts {
  readonly store: Pick<Store, "agentTasks">;
  readonly directory: AgentDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells a run that something it waits for has come. */
  readonly signal: (tenantId: string, runId: string, signal: string) => Promise<void>;
  /** Default 10,000 a tenant. */
  readonly maxQueued?: number;
}

/** What a run waits for. */
export function signalOf(id: string): string {
  return `task:${id}`;
}

/**
 * Tasks for outside agents, on disk. An agent holds a task under a lease; when that is over, another gets it, and whatever the former holder says is refused.
 * Every task ends: with a result, with its agents' error, dead after three attempts, or at its deadline.
 */
export class TaskQueue implements AsyncDisposable {
  readonly #parts: TaskQueueParts;
  readonly #bell = new Bell();
  readonly #closed = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #wakesAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: TaskQueueParts) {
    this.#parts = parts;
  }

  /** Goes on where the last server ended: tells runs again what they may not have heard. */
  async takeUp(): Promise<void> {
    const { agentTasks } = this.#parts.store;
    let page: readonly AgentTaskRecord[] = [];
    let after = "";
    do {
      page = await agentTasks.final(after, BATCH);
      for (const record of page) {
        const isKept = record.state !== "dead" || (await agentTasks.message(record.tenantId, record.id)) !== undefined;
        if (isKept) await this.#tell(record);
      }
      after = page.at(-1)?.id ?? after;
    } while (page.length === BATCH);
    await this.#sweep();
  }

  /** Queues a task, once a key. `agent`: the one that was asked for by name; absent: the least loaded idle one, or whoever comes first. `queue_full`, `not_found`. */
  async enqueue(
    tenantId: string,
    task: AgentTask,
    { key, agent }: { readonly key: string; readonly agent: string | undefined },
  ): Promise<AgentTaskRecord> {
    const { store, directory, clock, maxQueued = MAX_QUEUED } = this.#parts;
    if (agent !== undefined) await directory.record(tenantId, agent);
    // One after the other, so that each sees what the one before was given.
    return this.#inTurn(async () => {
      const chosen = agent ?? (await directory.leastLoaded(tenantId, task.type));
      const nowMs = clock.nowMs();
      const record: AgentTaskRecord = {
        ...{ id: newId(), tenantId, runId: task.runId, taskId: task.id, type: task.type, key },
        ...{ pinned: agent !== undefined, state: "queued", createdMs: nowMs, dueMs: nowMs, attempts: [] },
        deadlineMs: nowMs + (task.constraints.timeoutMs ?? TASK_TIMEOUT_MS),
        ...(chosen !== undefined && { agent: chosen }),
      };
      const queued = await store.agentTasks.enqueue(record, task, { max: maxQueued });
      this.#changed(queued);
      return queued;
    });
  }

  /** The next task for an agent, or nothing within `waitMs`. It is the agent's for `leaseMs`. */
  async lease(
    { tenantId, name, capabilities, maxTasks }: AgentRecord,
    { leaseMs, waitMs, signal }: { readonly leaseMs: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<LeasedTask | undefined> {
    const { store, directory, clock } = this.#parts;
    const untilMs = clock.nowMs() + waitMs;
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    for (;;) {
      // Whoever is gone would keep the task from others until its lease is over.
      if (ended.aborted) return undefined;
      directory.seen(tenantId, name);
      const rung = this.#bell.listen(tenantId);
      const found = await this.#inTurn(() => this.#take(tenantId, { name, capabilities, maxTasks, leaseMs }));
      if (found !== undefined) {
        this.#changed(found);
        const task = (await store.agentTasks.message(tenantId, found.id)) as AgentTask;
        return { record: found, task: { ...task, agent: name } };
      }
      const leftMs = untilMs - clock.nowMs();
      if (leftMs <= 0) return undefined;
      await rung.within(leftMs, ended);
    }
  }

  /** Holds on to a task. Errors as of {@link complete}: then the agent can stop, nobody waits for it any more. */
  async extend(record: AgentTaskRecord, leaseMs: number): Promise<AgentTaskRecord> {
    const lease = record.lease;
    if (lease === undefined) throw tooLate(record.id);
    const next = { ...record, lease: { ...lease, untilMs: this.#parts.clock.nowMs() + leaseMs } };
    await this.#change(record, next, undefined);
    return next;
  }

  /** `conflict` when the lease is over. */
  async complete(record: AgentTaskRecord, payload: AgentOutcome, metrics: Metrics): Promise<void> {
    const answer: AgentResult = { ...headOf(record), payload, metrics, protocolVersion: PROTOCOL_VERSION };
    await this.#change(record, complete(record, this.#parts.clock.nowMs()), answer);
  }

  /** The task goes to another agent, if that may help. `conflict` when the lease is over. */
  async fail(record: AgentTaskRecord, failure: AgentFailure): Promise<AgentTaskState> {
    const { directory, clock } = this.#parts;
    const agent = await directory.leastLoaded(record.tenantId, record.type, record.agent);
    const next = fail(record, failure, { nowMs: clock.nowMs(), random: Math.random(), agent });
    const answer = next.state === "queued" ? undefined : errorAnswer(headOf(record), failure);
    await this.#change(record, next, answer);
    return next.state;
  }

  /** The task that is held under that lease. `not_found` when there is none of that id; `conflict` when the lease is over. */
  async held(tenantId: string, id: string, leaseId: string): Promise<AgentTaskRecord> {
    const record = await this.#parts.store.agentTasks.get(tenantId, id);
    if (record === undefined) throw new GloveboxError("not_found", `no task ${id}`);
    if (record.state !== "leased" || record.lease?.id !== leaseId) throw tooLate(id);
    return record;
  }

  /** What came of a task, if it has ended. One that is gone with its run has failed. */
  async answer(tenantId: string, id: string, task: AgentTask): Promise<AgentResult | AgentError | undefined> {
    const { agentTasks } = this.#parts.store;
    const answer = (await agentTasks.answer(tenantId, id)) as AgentResult | AgentError | undefined;
    if (answer !== undefined || (await agentTasks.get(tenantId, id)) !== undefined) return answer;
    return errorOf(task, new GloveboxError("not_found", "the task is gone"), () => false);
  }

  /** Forgets the tasks of a run that has ended; whoever holds one finds out when he speaks of it next. */
  async runEnded(tenantId: string, runId: string): Promise<void> {
    this.#parts.directory.runEnded(runId);
    await this.#parts.store.agentTasks.removeRun(tenantId, runId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    clearTimeout(this.#timer);
    await this.#turn;
  }

  async #take(
    tenantId: string,
    asking: Pick<AgentRecord, "name" | "capabilities" | "maxTasks"> & { readonly leaseMs: number },
  ): Promise<AgentTaskRecord | undefined> {
    const { store, clock } = this.#parts;
    const { name, capabilities, maxTasks, leaseMs } = asking;
    const holds = await store.agentTasks.list(tenantId, { state: ["leased"], agent: name, limit: maxTasks });
    if (holds.items.length >= maxTasks) return undefined;
    await this.#releaseOfDown(tenantId);
    const nowMs = clock.nowMs();
    const next = await store.agentTasks.next(tenantId, { agent: name, types: capabilities, nowMs });
    if (next === undefined) return undefined;
    const leased = leaseTo(next, name, nowMs, leaseMs);
    return (await store.agentTasks.change(next, leased, { maxDead: MAX_DEAD })) ? leased : undefined;
  }

  /** What is queued for agents that are down is for whoever can do it. */
  async #releaseOfDown(tenantId: string): Promise<void> {
    const { store, directory } = this.#parts;
    const load = await store.agentTasks.load(tenantId);
    for (const name of await directory.down(tenantId)) {
      if (load.has(name)) await store.agentTasks.release(tenantId, name);
    }
  }

  async #change(
    was: AgentTaskRecord,
    now: AgentTaskRecord,
    answer: AgentResult | AgentError | undefined,
  ): Promise<void> {
    const { agentTasks } = this.#parts.store;
    const isDone = await agentTasks.change(was, now, { maxDead: MAX_DEAD, ...(answer !== undefined && { answer }) });
    if (!isDone) throw tooLate(was.id);
    this.#changed(now);
    if (answer !== undefined) await this.#tell(now);
  }

  async #tell({ tenantId, runId, id }: AgentTaskRecord): Promise<void> {
    const { signal, logger } = this.#parts;
    try {
      await signal(tenantId, runId, signalOf(id));
    } catch (error) {
      if (isGloveboxError(error, "conflict") || isGloveboxError(error, "not_found")) {
        await this.runEnded(tenantId, runId);
        return;
      }
      logger.warn({ runId, taskId: id, err: error }, "a run could not be told that its task has ended");
    }
  }

  #changed({ tenantId, state, dueMs, deadlineMs, lease }: AgentTaskRecord): void {
    this.#bell.ring(tenantId);
    if (state !== "queued" && state !== "leased") return;
    const nowMs = this.#parts.clock.nowMs();
    this.#wakeAt(Math.min(deadlineMs, lease?.untilMs ?? deadlineMs, dueMs > nowMs ? dueMs : deadlineMs));
  }

  #wakeAt(atMs: number): void {
    if (this.#closed.signal.aborted || atMs >= this.#wakesAtMs) return;
    this.#wakesAtMs = atMs;
    clearTimeout(this.#timer);
    const inMs = Math.min(Math.max(1, atMs - this.#parts.clock.nowMs()), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => {
      this.#wakesAtMs = Number.POSITIVE_INFINITY;
      this.#sweep().catch((error: unknown) => {
        this.#parts.logger.error({ err: error }, "could not look after the queue of agents' tasks");
        this.#wakeAt(this.#parts.clock.nowMs() + MAX_SLEEP_MS);
      });
    }, inMs).unref();
  }

  /** Ends leases and tasks whose time is over, wakes whoever waits, and sleeps until the next time. */
  async #sweep(): Promise<void> {
    const { store, clock, logger } = this.#parts;
    let found: readonly AgentTaskRecord[] = [];
    do {
      const nowMs = clock.nowMs();
      found = await store.agentTasks.overdue(nowMs, BATCH);
      for (const record of found) {
        try {
          await this.#end(record, nowMs);
        } catch (error) {
          // Its holder was faster.
          if (!isGloveboxError(error, "conflict")) throw error;
        }
      }
      if (found.length > 0) logger.info({ tasks: found.length }, "leases or deadlines of agents' tasks were over");
    } while (found.length === BATCH && !this.#closed.signal.aborted);
    this.#bell.ringAll();
    const nextMs = await store.agentTasks.nextMs(clock.nowMs());
    if (nextMs !== undefined) this.#wakeAt(nextMs);
  }

  async #end(record: AgentTaskRecord, nowMs: number): Promise<void> {
    if (record.deadlineMs <= nowMs) {
      const failure: AgentFailure = { code: "deadline_exceeded", message: "nobody did it in time", retryable: false };
      await this.#change(record, expire(record, nowMs), errorAnswer(headOf(record), failure));
      return;
    }
    const message = `${record.agent} was not heard of until its lease was over`;
    await this.fail(record, { code: "unavailable", message, retryable: true });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

function headOf({ type, taskId, runId, agent }: AgentTaskRecord): Pick<AgentResult, "type" | "id" | "runId" | "agent"> {
  return { type: type as AgentTask["type"], id: taskId, runId, agent: agent ?? "nobody" };
}

function tooLate(id: string): GloveboxError {
  return new GloveboxError("conflict", `the lease of task ${id} is over`);
}
