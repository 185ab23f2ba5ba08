import { type GloveboxError, toGloveboxError } from "../../core/index.ts";
import type { Diff } from "./diff.ts";
import { LIMITS } from "./limits.ts";
import { PROTOCOL_VERSION } from "./parts.ts";
import type { AgentError, AgentFailure, AgentOutcome, AgentResult, Metrics } from "./result.ts";
import type { AgentTask } from "./task.ts";

const NOTHING_USED: Metrics = { tokensUsed: 0, timeMs: 0, toolCalls: 0 };

type Head = Pick<AgentTask, "type" | "id" | "runId" | "agent">;
type Shown = Partial<Pick<AgentOutcome, "artifacts" | "newTasks">>;

/** An outcome that changes nothing. */
export function summary(
  text: string,
  { data, artifacts = [], newTasks = [] }: Shown & { readonly data?: Record<string, unknown> } = {},
): AgentOutcome {
  const delta = {
    kind: "summary" as const,
    text: text.slice(0, LIMITS.textChars),
    ...(data !== undefined && { data }),
  };
  return { delta, artifacts, newTasks };
}

/** An outcome that changes files. */
export function changes(diff: Diff, { artifacts = [], newTasks = [] }: Shown = {}): AgentOutcome {
  return { delta: { kind: "diff", diff }, artifacts, newTasks };
}

export function resultOf(task: AgentTask, payload: AgentOutcome, metrics: Metrics = NOTHING_USED): AgentResult {
  return { ...headOf(task), payload, metrics, protocolVersion: PROTOCOL_VERSION };
}

/** What is thrown becomes an answer; what is no error of ours is `internal`. */
export function errorOf(task: AgentTask, thrown: unknown, retryable: (error: GloveboxError) => boolean): AgentError {
  const error = toGloveboxError(thrown);
  const { code, message, details } = error;
  return errorAnswer(headOf(task), {
    code,
    message: message.slice(0, LIMITS.lineChars),
    retryable: retryable(error),
    ...(details !== undefined && { details: { ...details } }),
  });
}

export function errorAnswer(head: Head, error: AgentFailure): AgentError {
  return { ...head, error, protocolVersion: PROTOCOL_VERSION };
}

export function isAgentError(answer: AgentResult | AgentError): answer is AgentError {
  return "error" in answer;
}

function headOf({ type, id, runId, agent }: AgentTask): Head {
  return { type, id, runId, agent };
}
