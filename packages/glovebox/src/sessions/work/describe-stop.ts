import type { EventPayload, FinalStatus } from "../../core/index.ts";
import type { ProcessExit } from "../../sandbox/index.ts";
import type { WorkLimits } from "../output/stream-state.ts";
import type { StopCause } from "./cause.ts";

/** The `system` event that tells of a limit which stopped work; undefined for causes that have told already. */
export function describeCause(
  cause: StopCause,
  limits: WorkLimits,
): { readonly code: string; readonly message: string } | undefined {
  switch (cause.kind) {
    case "limit":
      return { code: `${cause.limit}_limit`, message: describeLimit(cause.limit, limits) };
    case "cancelled":
      return { code: "cancelled", message: "cancelled" };
    case "output_limit":
      return { code: "output_limit", message: "stopped because the template says so for too much output" };
    case "stdin_lost":
      return { code: "stdin_lost", message: "stopped because text for its stdin was lost with the server that died" };
    case "store_failed":
      return { code: "store_failed", message: "stopped because what it did could not be stored" };
    case "events_limit":
      return undefined;
  }
}

function describeLimit(limit: (StopCause & { kind: "limit" })["limit"], limits: WorkLimits): string {
  switch (limit) {
    case "wall":
      return `stopped after ${limits.wallMs} ms of wall time`;
    case "cpu":
      return `stopped after ${limits.cpuMs} ms of CPU time`;
    case "compile":
      return `compiling was stopped after ${limits.compileMs} ms`;
    case "memory":
      return "killed because the session's memory ran out";
    case "disk":
      return "killed because the session's disk limit was passed";
    case "pids":
      return "killed because the session has too many processes";
  }
}

/** The `exception` of work that ended without saying so itself. */
export function exceptionFor(
  status: FinalStatus,
  cause: StopCause | undefined,
  limits: WorkLimits,
  exit: ProcessExit | undefined,
): EventPayload<"exception"> {
  const message = (cause && describeCause(cause, limits)?.message) ?? describeEnd(status, exit);
  return { name: EXCEPTION_NAMES[status] ?? "ExecutionError", message };
}

const EXCEPTION_NAMES: Readonly<Partial<Record<FinalStatus, string>>> = {
  error: "KernelExited",
  timeout: "Timeout",
  cpu_limit: "CpuLimit",
  memory_limit: "MemoryLimit",
  events_limit: "EventsLimit",
  output_limit: "OutputLimit",
  killed: "Killed",
  denied: "Denied",
  cancelled: "Cancelled",
  lost: "Lost",
  internal_error: "InternalError",
};

function describeEnd(status: FinalStatus, exit: ProcessExit | undefined): string {
  switch (status) {
    case "memory_limit":
      return "killed because the session's memory ran out";
    case "denied":
      return "killed by a system call that is not allowed";
    case "events_limit":
      return "stopped because of too many events";
    case "lost":
      return "the sandbox is gone";
    case "internal_error":
      return "it could not be run";
    default:
      if (exit?.signal !== undefined) return `ended by ${exit.signal}`;
      return exit?.code === undefined ? status : `ended with exit code ${exit.code}`;
  }
}
