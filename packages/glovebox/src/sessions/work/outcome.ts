import { constants } from "node:os";
import { type FinalStatus, isGloveboxError, STATUS_EXIT_CODES } from "../../core/index.ts";
import type { LimitKind, SandboxEnd } from "../../sandbox/index.ts";
import type { StopCause } from "./cause.ts";
import type { WorkEnd } from "./work-end.ts";

export interface Verdict {
  readonly status: FinalStatus;
  readonly exitCode: number;
  readonly signal?: string;
}

const LIMIT_STATUS: Readonly<Record<LimitKind | "compile", FinalStatus>> = {
  wall: "timeout",
  compile: "timeout",
  cpu: "cpu_limit",
  memory: "memory_limit",
  // No status of their own: the system event names the limit.
  disk: "killed",
  pids: "killed",
};

/**
 * Judges how work ended. Nothing is guessed from durations: only what the agent, the kernel (of the language) or the host did counts.
 * `memoryRanOut`: the sandbox's count of out-of-memory kills grew. `sandboxEnd`: how the sandbox ended, if it did.
 */
export function judge(
  end: Exclude<WorkEnd, { kind: "detached" }>,
  cause: StopCause | undefined,
  facts: { readonly memoryRanOut: boolean; readonly sandboxEnd?: SandboxEnd | undefined },
): Verdict {
  if (cause !== undefined) return fromCause(cause);
  switch (end.kind) {
    case "done":
      if (!end.threw || end.exitCode === 0) return fixed("ok");
      return facts.memoryRanOut ? fixed("memory_limit") : { status: "error", exitCode: end.exitCode ?? 1 };
    case "exit":
      return fromExit(end.exit, facts.memoryRanOut);
    case "kernel_lost":
      // The code ended its kernel: `os._exit(3)`, `exec`, or a crash of the interpreter.
      return fromExit(end.exit, facts.memoryRanOut);
    case "not_started":
      return fromStartError(end.error);
    case "sandbox_gone":
      return facts.sandboxEnd?.kind === "oom" || facts.memoryRanOut ? fixed("memory_limit") : fixed("lost");
  }
}

/** As shells do: 127 for a program that is not there, 126 for one that may not be run. */
function fromStartError(error: unknown): Verdict {
  if (isGloveboxError(error, "not_found")) return { status: "error", exitCode: 127 };
  if (isGloveboxError(error, "permission_denied")) return { status: "error", exitCode: 126 };
  return fixed("internal_error");
}

function fromCause(cause: StopCause): Verdict {
  switch (cause.kind) {
    case "limit": {
      const status = LIMIT_STATUS[cause.limit];
      return status === "killed" ? { status, exitCode: 137, signal: "SIGKILL" } : fixed(status);
    }
    case "cancelled":
      return fixed("cancelled");
    case "events_limit":
      return fixed("events_limit");
    case "output_limit":
      return fixed("output_limit");
    case "stdin_lost":
      return fixed("lost");
    case "store_failed":
      return fixed("internal_error");
  }
}

function fromExit(exit: { code?: number; signal?: string; limit?: LimitKind }, memoryRanOut: boolean): Verdict {
  if (exit.limit !== undefined) return fromCause({ kind: "limit", limit: exit.limit });
  if (exit.signal === undefined) {
    if (exit.code === 0) return fixed("ok");
    return memoryRanOut ? fixed("memory_limit") : { status: "error", exitCode: exit.code ?? 1 };
  }
  if (exit.signal === "SIGSYS") return { ...fixed("denied"), signal: exit.signal };
  if (exit.signal === "SIGXCPU") return { ...fixed("cpu_limit"), signal: exit.signal };
  if (exit.signal === "SIGKILL" && memoryRanOut) return { ...fixed("memory_limit"), signal: exit.signal };
  return { status: "killed", exitCode: 128 + signalNumber(exit.signal), signal: exit.signal };
}

function fixed(status: keyof typeof STATUS_EXIT_CODES): Verdict;
function fixed(status: FinalStatus): Verdict;
function fixed(status: FinalStatus): Verdict {
  const codes: Readonly<Partial<Record<FinalStatus, number>>> = STATUS_EXIT_CODES;
  return { status, exitCode: codes[status] ?? 1 };
}

function signalNumber(name: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return numbers[name] ?? 0;
}
