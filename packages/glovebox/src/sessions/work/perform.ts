import { toGloveboxError } from "../../core/index.ts";
import type { KernelRequest, SandboxProcess, SpawnSpec } from "../../sandbox/index.ts";
import type { Recorder } from "../output/recorder.ts";
import type { WorkLimits } from "../output/stream-state.ts";
import { KernelStdin } from "./kernel-stdin.ts";
import type { Plan } from "./plan.ts";
import { followProgram } from "./program.ts";
import { performRust } from "./rust.ts";
import type { WorkControl } from "./work-control.ts";
import type { WorkEnd } from "./work-end.ts";
import { kernelLanguage, type Workbench } from "./workbench.ts";

export interface Performance {
  /** Names the work in the sandbox: the execution's id. */
  readonly id: string;
  readonly bench: Workbench;
  readonly plan: Plan;
  readonly recorder: Recorder;
  readonly control: WorkControl;
  readonly limits: WorkLimits;
  /** The process whose stdin is the execution's from now on. */
  readonly onProcess: (process: SandboxProcess) => void;
  /** The agent does not stop work that should be over. */
  readonly onUnresponsive: () => void;
}

/** Does what the plan says and records it; resolves when it is over. Never rejects. */
export async function perform(work: Performance): Promise<WorkEnd> {
  try {
    switch (work.plan.kind) {
      case "kernel":
        return await performInKernel(work, work.plan);
      case "program":
        return await performProgram(work, work.plan);
      case "rust":
        return await performRust(work, work.plan);
    }
  } catch (error) {
    if (work.bench.detach?.aborted) return { kind: "detached" };
    return { kind: "not_started", error: toGloveboxError(error) };
  }
}

async function performInKernel(work: Performance, plan: Plan & { kind: "kernel" }): Promise<WorkEnd> {
  const { bench, recorder, control, limits } = work;
  const name = kernelLanguage(plan.language);
  const { kernel, replacesLost } = await bench.kernel(name);
  if (replacesLost) tellRestart(recorder, name);
  await Promise.race([kernel.free, stopped(control)]);
  if (control.cause !== undefined) return stoppedBefore();
  const stdin = plan.stdin ? await KernelStdin.open(bench.sandbox, work.id, bench.detach) : undefined;
  work.onProcess(stdin?.process ?? kernel.process);
  const end = await kernel.run({
    request: kernelRequest(work.id, plan, stdin),
    recorder,
    control,
    wallMs: limits.wallMs,
    cpuMs: limits.cpuMs,
    onUnresponsive: work.onUnresponsive,
  });
  if (end.kind !== "detached") stdin?.close();
  if (end.kind === "kernel_lost") tellRestart(recorder, name);
  return end;
}

export function kernelRequest(
  id: string,
  plan: Plan & { kind: "kernel" },
  stdin: KernelStdin | undefined,
): KernelRequest {
  const { mode, source, language, args, env, kernelCwd } = plan;
  return {
    id,
    mode,
    source,
    language,
    args,
    env,
    ...(kernelCwd !== undefined && { cwd: kernelCwd }),
    ...(stdin !== undefined && { stdin: stdin.path }),
  };
}

/** Says that the session's variables of a language are gone. */
export function tellRestart(recorder: Recorder, language: string): void {
  recorder.system("warn", "kernel_restarted", `the ${language} kernel ended; a new one begins without its state`, {
    language,
  });
}

async function performProgram(work: Performance, plan: Plan & { kind: "program" }): Promise<WorkEnd> {
  const { limits } = work;
  const spec: SpawnSpec = {
    kind: "program",
    argv: plan.argv,
    env: plan.env,
    cwd: plan.cwd,
    ...(plan.terminal !== undefined && { terminal: plan.terminal }),
    limits: runLimits(limits),
    tag: work.id,
  };
  const process = await work.bench.spawn(spec);
  work.onProcess(process);
  return followProgram({
    process,
    recorder: work.recorder,
    control: work.control,
    wallMs: limits.wallMs,
    onUnresponsive: work.onUnresponsive,
    detach: work.bench.detach,
  });
}

function stopped({ signal }: WorkControl): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** What the agent enforces on a program by itself. */
export function runLimits(limits: WorkLimits): { wallMs?: number; cpuMs?: number } {
  return {
    ...(limits.wallMs !== undefined && { wallMs: limits.wallMs }),
    ...(limits.cpuMs !== undefined && { cpuMs: limits.cpuMs }),
  };
}

/** Stopped while it was being prepared: nothing of it ran. */
export function stoppedBefore(): WorkEnd {
  return { kind: "done", threw: true, cpuMs: 0 };
}
