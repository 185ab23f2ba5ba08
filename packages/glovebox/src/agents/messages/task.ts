import { z } from "zod";
import { LIMITS } from "./limits.ts";
import { AgentName, Count, JsonObject, ProtocolVersion, RunId, TaskId, TaskType, TraceId } from "./parts.ts";

const Budget = z.strictObject({
  wallMs: Count.optional(),
  tokens: Count.optional(),
  dollars: z.number().min(0).optional(),
  toolCalls: Count.optional(),
  sandboxSeconds: z.number().min(0).optional(),
});

const Constraints = z.strictObject({
  /** From the task's acceptance, over all attempts. Default: the desk's. */
  timeoutMs: z.number().int().min(1).max(LIMITS.timeoutMs).optional(),
  /** What the sandbox sees is fixed too: seeds, clock, order of listings, one worker for tests. */
  deterministic: z.boolean().optional(),
  /** For effects outside. Default: made from the run and the task's id. */
  idempotencyKey: z.string().min(1).max(200).optional(),
  budget: Budget.optional(),
});

/** Work for an agent. */
export const AgentTask = z.strictObject({
  type: TaskType,
  id: TaskId,
  /** The task whose result proposed this one. */
  parentId: TaskId.optional(),
  runId: RunId,
  /** Who does it. */
  agent: AgentName,
  /** As the agent's own schema says. */
  payload: JsonObject,
  constraints: Constraints,
  traceId: TraceId,
  protocolVersion: ProtocolVersion,
});
export type AgentTask = z.infer<typeof AgentTask>;

/** A task that a result proposes. */
export const NewTask = z.strictObject({
  id: TaskId,
  type: TaskType,
  /** Default: chosen by the task's type. */
  agent: AgentName.optional(),
  payload: JsonObject,
  /** Ids of tasks that must be done before. */
  after: z.array(TaskId).max(LIMITS.after).optional(),
});
export type NewTask = z.infer<typeof NewTask>;
