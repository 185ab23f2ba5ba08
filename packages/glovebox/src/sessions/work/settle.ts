import { type Clock, toTimestamp } from "../../core/index.ts";
import type { Sandbox, SandboxEnd } from "../../sandbox/index.ts";
import type { Recorder } from "../output/recorder.ts";
import type { Outcome, WorkLimits } from "../output/stream-state.ts";
import { describeCause, exceptionFor } from "./describe-stop.ts";
import { judge } from "./outcome.ts";
import type { WorkControl } from "./work-control.ts";
import type { WorkEnd } from "./work-end.ts";

export interface SettleInput {
  readonly end: Exclude<WorkEnd, { kind: "detached" }>;
  readonly recorder: Recorder;
  readonly control: WorkControl;
  readonly limits: WorkLimits;
  /** Whether it must end in a `value` or an `exception`. */
  readonly interactive: boolean;
  readonly durationMs: number;
  readonly clock: Clock;
  readonly memoryRanOut: boolean;
  readonly sandboxEnd?: SandboxEnd | undefined;
}

export interface Settled {
  readonly outcome: Outcome;
  /** See {@link Recorder.finish}. */
  readonly handedOver: Promise<void>;
  readonly written: Promise<void>;
}

/** Judges work that is over, tells of it in its events, and has the outcome written. */
export function settle(input: SettleInput): Settled {
  const { end, recorder, control, limits } = input;
  const verdict = judge(end, control.cause, input);
  const exit = end.kind === "exit" || end.kind === "kernel_lost" ? end.exit : undefined;
  const cause =
    control.cause ?? (exit?.limit === undefined ? undefined : { kind: "limit" as const, limit: exit.limit });
  const told = cause === undefined ? undefined : describeCause(cause, limits);
  if (told !== undefined) recorder.system("error", told.code, told.message);
  const failed = startError(end);
  if (failed !== undefined) recorder.system("error", "not_started", failed.message);
  if (input.memoryRanOut && !(cause?.kind === "limit" && cause.limit === "memory")) {
    recorder.system("error", "memory_limit", "something was killed because the session's memory ran out");
  }
  if (input.interactive && recorder.state.terminalSeq === undefined) {
    recorder.exception(failed ?? exceptionFor(verdict.status, cause, limits, exit));
  }
  recorder.detach();
  const { terminalSeq } = recorder.state;
  const outcome: Outcome = {
    ...verdict,
    ...(terminalSeq !== undefined && { terminalSeq }),
    cpuMs: exit?.cpuMs ?? (end.kind === "done" ? end.cpuMs : 0),
    maxRssKb: exit?.maxRssKb ?? 0,
    outputBytes: recorder.outputBytes,
    durationMs: Math.round(input.durationMs * 1000) / 1000,
    endedAt: toTimestamp(input.clock.nowMs()),
  };
  return { outcome, ...recorder.finish(outcome) };
}

function startError(end: WorkEnd): { name: string; message: string } | undefined {
  if (end.kind !== "not_started") return undefined;
  const { error } = end;
  return { name: "NotStarted", message: error instanceof Error ? error.message : String(error) };
}

/** Whether memory ran out in the sandbox since it was asked last. Asked only when work ended badly: an answer costs a round trip. */
export class MemoryWatch {
  readonly #sandbox: Sandbox;
  #seen = 0;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  async ranOut(end: WorkEnd): Promise<boolean> {
    if (end.kind === "exit" && end.exit.code === 0) return false;
    if (end.kind === "done" && !end.threw) return false;
    if (end.kind === "detached" || end.kind === "not_started") return false;
    try {
      const count = await this.#sandbox.oomKills();
      const grew = count > this.#seen;
      this.#seen = count;
      return grew;
    } catch {
      return false;
    }
  }
}
