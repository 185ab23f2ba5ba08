import type { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { isRetryable, type ProgramContext } from "../../engine/index.ts";
import type { Agent, AgentHost } from "../agent.ts";
import { withBudget } from "../budget.ts";
import { errorOf, isAgentError, resultOf } from "../messages/make-message.ts";
import { parseMessage } from "../messages/parse-message.ts";
import { AgentName, PROTOCOL_VERSION, RunId, type TaskType, TraceId } from "../messages/parts.ts";
import { type AgentError, AgentOutcome, type AgentResult } from "../messages/result.ts";
import { AgentTask } from "../messages/task.ts";
import type { AgentDirectory } from "./agent-directory.ts";
import { signalOf, TASK_TIMEOUT_MS, type TaskQueue } from "./task-queue.ts";

/** A task as programs give it: what goes without saying may be left out. */
export const TaskRequest = AgentTask.extend({
  runId: RunId.optional(),
  /** Default: who does tasks of that type and has the least to do. */
  agent: AgentName.optional(),
  constraints: AgentTask.shape.constraints.default({}),
  traceId: TraceId.optional(),
  protocolVersion: AgentTask.shape.protocolVersion.default(PROTOCOL_VERSION),
});
export type TaskRequest = z.input<typeof TaskRequest>;

/** Gives tasks of programs to agents: to built-in ones within the program, to outside ones through the queue. */
export class AgentDesk {
  readonly #directory: AgentDirectory;
  readonly #queue: TaskQueue;

  constructor(parts: { readonly directory: AgentDirectory; readonly queue: TaskQueue }) {
    this.#directory = parts.directory;
    this.#queue = parts.queue;
  }

  /**
   * Has a task done, in a branch `<agent>-<id>`. What goes wrong with it is an answer, `AgentError`; thrown is only what ends the program, and `invalid_argument`
   * for what is no task. A built-in agent's steps are tried again as steps are, an outside agent's task by the queue.
   */
  async dispatch(host: AgentHost, request: TaskRequest): Promise<AgentResult | AgentError> {
    const { run } = host;
    const asked = parseMessage(TaskRequest, request, "the task");
    const task = { ...asked, runId: run.runId, traceId: asked.traceId ?? run.runId };
    const { agent: named, type, id } = task;
    try {
      const agent = await this.#choose(run, task);
      if (agent !== undefined) {
        const given: AgentTask = { ...task, agent: agent.name };
        const work = (own: ProgramContext) => this.#inside(hostIn(host, own), agent, given);
        return (await run.parallel({ work }, { name: `${agent.name}-${id}` })).work;
      }
      const given: AgentTask = { ...task, agent: named ?? "anybody" };
      const wait = (own: ProgramContext) => this.#outside(own, given, named);
      return (await run.parallel({ wait }, { name: `${named ?? type}-${id}` })).wait;
    } catch (error) {
      if (run.signal.aborted) throw error;
      return errorOf({ ...task, agent: named ?? "nobody" }, error, isRetryable);
    }
  }

  /** The only type of tasks that a built-in agent does. `invalid_argument` for any other: its type must be said. */
  typeOf(name: string): TaskType {
    const [type, ...more] = this.#directory.builtIn(name)?.capabilities ?? [];
    if (type !== undefined && more.length === 0) return type;
    throw new GloveboxError("invalid_argument", `which type of task ${name} is to do must be said`, {
      details: { path: "task" },
    });
  }

  /** The built-in agent, or nobody: then it is the queue's. */
  async #choose(
    run: ProgramContext,
    { agent, type, id }: Pick<AgentTask, "type" | "id"> & { readonly agent?: string | undefined },
  ) {
    if (agent !== undefined) {
      const found = this.#directory.builtIn(agent);
      if (found !== undefined && !found.capabilities.includes(type)) {
        throw new GloveboxError("invalid_argument", `${agent} does not do tasks of type ${type}`);
      }
      return found;
    }
    const routed = await run.step(`route-${id}`, { type }, () => this.#directory.route(run.tenantId, type));
    if (routed === "outside") return undefined;
    const found = this.#directory.builtIn(routed.builtIn);
    if (found === undefined) throw new GloveboxError("unavailable", `there is no agent ${routed.builtIn} any more`);
    return found;
  }

  async #inside(host: AgentHost, agent: Agent, task: AgentTask): Promise<AgentResult | AgentError> {
    const { run } = host;
    const { id, type, constraints } = task;
    const facts = { taskId: id, type, agent: agent.name };
    await run.step("accept", { id, type, agent: agent.name }, (_input, step) => {
      step.record("task.accepted", facts);
      step.record("task.started", facts);
      this.#directory.begins(agent.name, run.runId, id);
    });
    const answer = await answerOf(run, task, async () => {
      const payload = parseMessage(agent.payload, task.payload, `the payload for ${agent.name}`);
      const outcome = await within(run, constraints.timeoutMs, (own) =>
        withBudget(own, present(constraints.budget), agent.name, (metered) =>
          agent.work(hostIn(host, metered), { ...task, payload }),
        ),
      );
      return resultOf(task, parseMessage(AgentOutcome, outcome, `the answer of ${agent.name}`));
    });
    await run.step("answer", { id, status: isAgentError(answer) ? answer.error.code : "ok" }, (_input, step) => {
      this.#directory.ends(agent.name, run.runId, id);
      if (isAgentError(answer)) step.record("task.failed", { ...facts, code: answer.error.code });
      else step.record("task.completed", facts);
    });
    return answer;
  }

  async #outside(run: ProgramContext, task: AgentTask, named: string | undefined): Promise<AgentResult | AgentError> {
    const { wallMs = Number.POSITIVE_INFINITY, ...counted } = present(task.constraints.budget) ?? {};
    const { timeoutMs = TASK_TIMEOUT_MS, idempotencyKey = `${run.runId}/${task.id}` } = task.constraints;
    const limits = { timeoutMs: Math.max(1, Math.min(timeoutMs, wallMs)), idempotencyKey };
    const sent: AgentTask = { ...task, constraints: { ...task.constraints, ...limits } };
    const answer = await withBudget(run, counted, named ?? task.type, (own) => this.#queued(own, sent, named));
    const isOver = isAgentError(answer) && answer.error.code === "deadline_exceeded" && wallMs < timeoutMs;
    if (!isOver) return answer;
    const message = `the budget of ${answer.agent} is used up: wallMs ${wallMs} of ${wallMs}`;
    return { ...answer, error: { code: "budget_exceeded", message, retryable: false, details: { what: "wallMs" } } };
  }

  async #queued(run: ProgramContext, sent: AgentTask, named: string | undefined): Promise<AgentResult | AgentError> {
    const { id, type } = sent;
    // What the agent gets is what the program gave, not what the journal kept of it: there, whatever looks like a secret is masked.
    const queued = await run.step("enqueue", sent, async (_kept, step) => {
      const record = await this.#queue.enqueue(run.tenantId, sent, { key: step.idempotencyKey, agent: named });
      step.record("task.accepted", { taskId: id, type, ...(record.agent !== undefined && { agent: record.agent }) });
      return { id: record.id };
    });
    for (;;) {
      await run.waitFor(signalOf(queued.id));
      // Anybody may send a signal: what came of the task is looked up.
      const answer = await run.step("collect", queued, async (_input, step) => {
        const found = await this.#queue.answer(run.tenantId, queued.id, sent);
        if (found === undefined) return null;
        const facts = { taskId: id, type, agent: found.agent };
        if (isAgentError(found)) step.record("task.failed", { ...facts, code: found.error.code });
        else {
          step.record("task.completed", facts);
          // What it says that it used counts as if it had worked here.
          step.spend({ tokens: found.metrics.tokensUsed, toolCalls: found.metrics.toolCalls });
        }
        return found;
      });
      if (answer !== null) return answer;
    }
  }
}

/** The same host in a branch of its program. */
export function hostIn(host: AgentHost, run: ProgramContext): AgentHost {
  return { ...host, run, ...(host.bench !== undefined && { bench: host.bench.within(run) }) };
}

async function answerOf(
  run: ProgramContext,
  task: AgentTask,
  work: () => Promise<AgentResult>,
): Promise<AgentResult | AgentError> {
  try {
    return await work();
  } catch (error) {
    if (run.signal.aborted) throw error;
    return errorOf(task, error, isRetryable);
  }
}

/** `deadline_exceeded` when it takes longer. */
async function within<T>(
  run: ProgramContext,
  timeoutMs: number | undefined,
  work: (own: ProgramContext) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return work(run);
  const first = await run.waitAny({ work, time: (own) => own.sleep(timeoutMs) }, { name: "within" });
  if (first.key === "work") return first.value as T;
  throw new GloveboxError("deadline_exceeded", `the task took longer than ${timeoutMs} ms`);
}

function present<T extends object>(fields: T | undefined): { [K in keyof T]: Exclude<T[K], undefined> } | undefined {
  if (fields === undefined) return undefined;
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
