import { type Clock, type Execution, newId, type StoredEvent, toTimestamp } from "../../core/index.ts";
import type { SandboxProcess } from "../../sandbox/index.ts";
import { projectOutcome } from "../executions/project-outcome.ts";
import { Recorder } from "../output/recorder.ts";
import type { WorkLimits } from "../output/stream-state.ts";
import { perform } from "../work/perform.ts";
import type { Plan } from "../work/plan.ts";
import { settle } from "../work/settle.ts";
import { WorkControl } from "../work/work-control.ts";
import type { Workbench } from "../work/workbench.ts";
import { memorySink } from "./memory-sink.ts";

export interface OnceResult {
  readonly execution: Execution;
  /** Empty when they were not to be kept. */
  readonly events: readonly StoredEvent[];
}

export interface WorkOnce {
  readonly bench: Workbench;
  readonly plan: Plan;
  /** What the execution says of itself. */
  readonly described: Pick<Execution, "kind" | "language" | "input" | "path" | "argv" | "args">;
  readonly limits: WorkLimits;
  readonly clock: Clock;
  readonly keepEvents: boolean;
  readonly onEvent?: ((event: StoredEvent) => void | Promise<void>) | undefined;
  readonly onProcess?: ((process: SandboxProcess) => void) | undefined;
  /** Stops the work as a cancellation does. */
  readonly signal?: AbortSignal | undefined;
}

/** Does one piece of work with its events in memory: recorded, limited and judged exactly as in a server. */
export async function workOnce(work: WorkOnce): Promise<OnceResult> {
  const { bench, plan, limits, clock, described } = work;
  const { sandbox } = bench;
  const id = newId(clock.nowMs());
  const control = new WorkControl();
  const { sink, events } = memorySink({ clock, keep: work.keepEvents, onEvent: work.onEvent });
  const recorder = new Recorder({ sink, limits, onStop: (cause) => control.stop(cause) });
  const createdAt = toTimestamp(clock.nowMs());
  const begunMs = clock.monotonicMs();
  const cancel = () => control.stop({ kind: "cancelled" });
  work.signal?.addEventListener("abort", cancel, { once: true });
  if (work.signal?.aborted) cancel();
  try {
    if (described.kind === "repl") recorder.inputEcho(described.input ?? "");
    let used: SandboxProcess | undefined;
    const end = await perform({
      id,
      bench,
      plan,
      recorder,
      control,
      limits,
      onProcess: (process) => {
        used = process;
        work.onProcess?.(process);
      },
      onUnresponsive: () => {
        control.limitTripped("wall");
        void sandbox.destroy();
      },
    });
    const { outcome, written } = settle({
      end: end.kind === "detached" ? { kind: "sandbox_gone" } : end,
      recorder,
      control,
      limits,
      interactive: described.kind !== "command",
      durationMs: clock.monotonicMs() - begunMs,
      clock,
      memoryRanOut: await bench.memory.ranOut(end),
      sandboxEnd: end.kind === "sandbox_gone" ? await sandbox.ended : undefined,
    });
    await written;
    if (end.kind === "exit") used?.release();
    const { terminal, eventCount, truncated } = recorder;
    const ended = projectOutcome(outcome, { terminal, events: eventCount, truncated, queuedMs: 0 });
    const about = { id, tenantId: "local", sessionId: sandbox.id, ...described, env: { ...plan.env }, cwd: plan.cwd };
    return { execution: { ...about, background: false, createdAt, startedAt: createdAt, ...ended }, events };
  } finally {
    work.signal?.removeEventListener("abort", cancel);
  }
}
