import type { ExecutionStatus, FinalStatus } from "./execution.ts";
import type { SessionStatus } from "./session.ts";

/** The return code of each final status whose code does not come from the program itself. */
export const STATUS_EXIT_CODES = {
  ok: 0,
  timeout: 124,
  cpu_limit: 152,
  memory_limit: 137,
  events_limit: 153,
  output_limit: 153,
  denied: 159,
  cancelled: 130,
  lost: 1,
  internal_error: 1,
} as const satisfies Partial<Record<FinalStatus, number>>;

/** Whether an execution with this status is over. */
export function isFinal(status: ExecutionStatus): status is FinalStatus {
  return status !== "queued" && status !== "running";
}

/** The states in which a session has, or is getting, a sandbox. */
export const LIVE_SESSION_STATUSES: readonly SessionStatus[] = ["starting", "ready", "paused", "closing"];
