import { GloveboxError } from "../../core/index.ts";
import { type GraphLimits, runTasks, type TaskNode } from "../../engine/index.ts";
import type { AgentHost } from "../agent.ts";
import { isAgentError } from "../messages/make-message.ts";
import type { AgentError, AgentResult } from "../messages/result.ts";
import type { AgentTask, NewTask } from "../messages/task.ts";
import { type AgentDesk, hostIn } from "./agent-desk.ts";

export interface AgentTasksOptions extends GraphLimits {
  /** Of the group of steps; default `tasks`. */
  readonly name?: string;
  /** At a time; default 8. */
  readonly concurrency?: number;
  /** Of every task. */
  readonly constraints?: AgentTask["constraints"];
  /** `fail` (default): the first error ends the others and is thrown. `keep`: it is an answer among others, and what comes after it is done all the same. */
  readonly onError?: "fail" | "keep";
}

/**
 * Does a graph of tasks, each as soon as what it comes after is done, and the tasks that their results propose: within limits on depth (5), breadth (20) and total
 * (1,000). Resolves to the answers by id, in the order of their completion. Errors: `invalid_argument` for a cycle, which is named, an unknown or a double id;
 * `resource_exhausted` beyond a limit.
 */
export async function runAgentTasks(
  desk: AgentDesk,
  host: AgentHost,
  tasks: readonly NewTask[],
  { constraints = {}, onError = "fail", ...options }: AgentTasksOptions = {},
): Promise<ReadonlyMap<string, AgentResult | AgentError>> {
  return runTasks<Proposed, AgentResult | AgentError>(
    host.run,
    tasks.map((task) => nodeOf(task, undefined)),
    async (own, { id, task: { task, parentId } }) => {
      const { after: _after, ...rest } = task;
      const answer = await desk.dispatch(hostIn(host, own), {
        ...rest,
        constraints,
        ...(parentId !== undefined && { parentId }),
      });
      if (!isAgentError(answer)) {
        return { result: answer, newTasks: answer.payload.newTasks.map((one) => nodeOf(one, id)) };
      }
      if (onError === "keep") return { result: answer };
      const { code, message, details } = answer.error;
      throw new GloveboxError(code, `task ${id}: ${message}`, { details: { ...details, task: id } });
    },
    options,
  );
}

interface Proposed {
  readonly task: NewTask;
  readonly parentId: string | undefined;
}

function nodeOf(task: NewTask, parentId: string | undefined): TaskNode<Proposed> {
  return { id: task.id, after: task.after ?? [], task: { task, parentId } };
}
