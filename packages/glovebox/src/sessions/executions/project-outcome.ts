import type { Execution } from "../../core/index.ts";
import type { Terminal } from "../output/recorder.ts";
import type { Outcome } from "../output/stream-state.ts";

export interface Projection {
  readonly terminal: Terminal;
  readonly events: number;
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
  readonly queuedMs: number;
}

/** What an execution's row says of its end: a copy of what its stream says. */
export function projectOutcome(
  outcome: Outcome,
  more: Projection,
): Pick<Execution, "status" | "exitCode" | "metrics" | "endedAt" | "signal" | "result" | "error"> {
  const { value, error } = more.terminal;
  return {
    status: outcome.status,
    exitCode: outcome.exitCode,
    ...(outcome.signal !== undefined && { signal: outcome.signal }),
    ...(value !== undefined && { result: value }),
    ...(error !== undefined && { error }),
    metrics: {
      queuedMs: Math.round(more.queuedMs * 1000) / 1000,
      durationMs: outcome.durationMs,
      cpuMs: outcome.cpuMs,
      maxRssKb: outcome.maxRssKb,
      events: more.events,
      outputBytes: outcome.outputBytes,
      truncated: { ...more.truncated },
    },
    endedAt: outcome.endedAt,
  };
}
