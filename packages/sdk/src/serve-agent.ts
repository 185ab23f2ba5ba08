import type { Agents } from "./agents.ts";
import { GloveboxError } from "./errors.ts";
import type { Tasks } from "./tasks.ts";
import type { AgentFailure, AgentOutcome, AgentRegistration, AgentTask, TaskLease } from "./types/agent.ts";
import type { CallOptions } from "./types/page.ts";
import { wait } from "./wait.ts";

export interface ServeOptions extends CallOptions {
  /** How long a task stays the agent's without a word, milliseconds, 1,000 to 600,000; default 60,000. When the agent dies, another gets the task after that. */
  readonly leaseMs?: number | undefined;
}

/** Does a task. `signal` aborts when the agent is to end, or when the task is no longer its own. What is thrown as a {@link GloveboxError} keeps its code; all else is `internal`. */
export type TaskWork = (
  task: AgentTask,
  context: { readonly signal: AbortSignal; readonly attempt: number },
) => AgentOutcome | Promise<AgentOutcome>;

const POLL_MS = 25_000;
const RETRY_MS = 1_000;
/** The server takes an agent for dead after a minute without a word. */
const MAX_BEAT_MS = 20_000;
/** Errors that pass by themselves. */
const PASSING: ReadonlySet<string> = new Set(["unavailable", "timeout", "rate_limited", "resource_exhausted"]);

const REFUSED: ReadonlySet<string> = new Set(["invalid_argument", "payload_too_large"]);

interface Client {
  readonly agents: Pick<Agents, "register">;
  readonly tasks: Pick<Tasks, "lease" | "extend" | "complete" | "fail">;
}

/** See {@link Agents.serve}. */
export async function serveAgent(
  client: Client,
  registration: AgentRegistration,
  work: TaskWork,
  { signal = new AbortController().signal, leaseMs = 60_000 }: ServeOptions,
): Promise<void> {
  await client.agents.register(registration, { signal });
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const one = async () => {
    while (!ended.aborted) {
      const lease = await patiently(ended, () =>
        client.tasks.lease(registration.name, { waitMs: POLL_MS, leaseMs }, { signal: ended }),
      );
      if (lease !== undefined) await doTask(client, lease, work, { leaseMs, ended });
    }
  };
  const all = Array.from({ length: registration.maxTasks ?? 1 }, () =>
    one().catch((error: unknown) => {
      if (ended.aborted) return;
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.all(all);
}

async function doTask(
  { tasks }: Client,
  lease: TaskLease,
  work: TaskWork,
  { leaseMs, ended }: { readonly leaseMs: number; readonly ended: AbortSignal },
): Promise<void> {
  const lost = new AbortController();
  const signal = AbortSignal.any([ended, lost.signal]);
  const beat = setInterval(
    () => {
      tasks.extend(lease, leaseMs, { signal }).catch((error: unknown) => {
        if (isLost(error)) lost.abort(error);
      });
    },
    Math.min(leaseMs / 3, MAX_BEAT_MS),
  );
  try {
    const answer = await answerOf(lease, work, signal);
    // An agent that ends leaves its task to the next; one that is no longer its own is nobody's business here.
    if (signal.aborted) return;
    if ("failure" in answer) await patiently(signal, () => tasks.fail(lease, answer.failure, { signal }));
    else await patiently(signal, () => completeOrSayWhy(tasks, lease, answer.outcome, signal));
  } catch (error) {
    if (!isLost(error) && !signal.aborted) throw error;
  } finally {
    clearInterval(beat);
  }
}

/** What is no answer by the schemas is the agent's fault, and a failure of its task. */
async function completeOrSayWhy(
  tasks: Client["tasks"],
  lease: TaskLease,
  outcome: AgentOutcome,
  signal: AbortSignal,
): Promise<void> {
  try {
    await tasks.complete(lease, outcome, { signal });
  } catch (error) {
    const isRefused = error instanceof GloveboxError && REFUSED.has(error.code);
    if (!isRefused) throw error;
    await tasks.fail(lease, { code: error.code, message: error.message.slice(0, 4_000), retryable: false }, { signal });
  }
}

async function answerOf(
  { task, attempt }: TaskLease,
  work: TaskWork,
  signal: AbortSignal,
): Promise<{ readonly outcome: AgentOutcome } | { readonly failure: AgentFailure }> {
  try {
    return { outcome: await work(task, { signal, attempt }) };
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, 4_000);
    const code = error instanceof GloveboxError ? error.code : "internal";
    return { failure: { code, message, retryable: PASSING.has(code) } };
  }
}

/** Tries again while the server cannot be reached. */
async function patiently<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof GloveboxError) || !PASSING.has(error.code)) throw error;
      await wait(RETRY_MS, signal).catch(() => {});
    }
  }
  return undefined;
}

function isLost(error: unknown): boolean {
  return error instanceof GloveboxError && (error.code === "conflict" || error.code === "not_found");
}
