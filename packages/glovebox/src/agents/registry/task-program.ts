import { z } from "zod";
import { defineProgram, type Program } from "../../engine/index.ts";
import { AgentName, JsonObject, TaskType } from "../messages/parts.ts";
import { AgentError, AgentResult } from "../messages/result.ts";
import { AgentTask } from "../messages/task.ts";
import { HostInput, type HostParts, openHost } from "../open-host.ts";
import type { AgentDesk } from "./agent-desk.ts";

/** One task, as it is asked for from outside. */
export const SingleTask = HostInput.extend({
  /** Default: the agent's first capability. */
  type: TaskType.optional(),
  /** As the agent's schema says. */
  payload: JsonObject,
  constraints: AgentTask.shape.constraints.optional(),
});
export type SingleTask = z.infer<typeof SingleTask>;

/** Without an agent: whoever does tasks of that type and has the least to do. */
const Input = SingleTask.extend({ type: TaskType, agent: AgentName.optional() });
export type TaskProgram = Program<z.infer<typeof Input>, AgentAnswer>;
export const AgentAnswer = z.union([AgentResult, AgentError]);
export type AgentAnswer = z.infer<typeof AgentAnswer>;

/** The one task of such a run. */
export const SINGLE_TASK_ID = "task";

/** The program that has one task done by one agent. */
export function taskProgram(desk: AgentDesk, host: HostParts): TaskProgram {
  return defineProgram({
    name: "agents.task",
    version: "1",
    description: "Has one task done by one agent",
    input: Input,
    output: AgentAnswer,
    run: async (run, { agent, type, payload, constraints, ...given }) => {
      const { deterministic = constraints?.deterministic } = given;
      const opened = await openHost(run, host, { ...given, deterministic });
      const task = { id: SINGLE_TASK_ID, type, payload, ...(agent && { agent }), ...(constraints && { constraints }) };
      return desk.dispatch(opened, task);
    },
  });
}
