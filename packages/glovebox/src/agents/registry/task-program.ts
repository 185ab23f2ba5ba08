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

const Input = SingleTask.extend({ type: TaskType, agent: AgentName });
export const AgentAnswer = z.union([AgentResult, AgentError]);
export type AgentAnswer = z.infer<typeof AgentAnswer>;

/** The one task of such a run. */
export const SINGLE_TASK_ID = "task";

/** The program that has one task done by one agent. */
export function taskProgram(desk: AgentDesk, host: HostParts): Program<z.infer<typeof Input>, AgentAnswer> {
  return defineProgram({
    name: "agents.task",
    version: "1",
    description: "Has one task done by one agent",
    input: Input,
    output: AgentAnswer,
    run: async (run, { agent, type, payload, constraints, ...given }) => {
      const opened = await openHost(run, host, given);
      return desk.dispatch(opened, { id: SINGLE_TASK_ID, agent, type, payload, ...(constraints && { constraints }) });
    },
  });
}
