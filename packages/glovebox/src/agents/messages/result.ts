import { z } from "zod";
import { ERROR_CODES } from "../../core/index.ts";
import { Artifact } from "./artifact.ts";
import { Delta } from "./diff.ts";
import { LIMITS } from "./limits.ts";
import { AgentName, Count, JsonObject, ProtocolVersion, RunId, ShortText, TaskId, TaskType } from "./parts.ts";
import { NewTask } from "./task.ts";

/** What came of a task. */
export const AgentOutcome = z.strictObject({
  delta: Delta,
  artifacts: z.array(Artifact).max(LIMITS.artifacts),
  newTasks: z.array(NewTask).max(LIMITS.newTasks),
});
export type AgentOutcome = z.infer<typeof AgentOutcome>;

export const Metrics = z.strictObject({
  tokensUsed: Count,
  /** 0 within a program, which has no clock: filled in from the journal for who asks. */
  timeMs: Count,
  toolCalls: Count,
});
export type Metrics = z.infer<typeof Metrics>;

const head = { type: TaskType, id: TaskId, runId: RunId, agent: AgentName };

/** A task's answer; `type` and `id` are the task's. */
export const AgentResult = z.strictObject({
  ...head,
  payload: AgentOutcome,
  metrics: Metrics,
  protocolVersion: ProtocolVersion,
});
export type AgentResult = z.infer<typeof AgentResult>;

/** Why a task has no result. */
export const AgentFailure = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: ShortText,
  /** Another attempt may help. */
  retryable: z.boolean(),
  details: JsonObject.optional(),
});
export type AgentFailure = z.infer<typeof AgentFailure>;

export const AgentError = z.strictObject({ ...head, error: AgentFailure, protocolVersion: ProtocolVersion });
export type AgentError = z.infer<typeof AgentError>;
