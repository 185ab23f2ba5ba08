import type { SandboxProcess } from "../../sandbox/index.ts";
import { ExecutionRun, type RunOptions } from "../executions/execution-run.ts";
import { endStdin, feedStdin } from "../executions/feed-stdin.ts";
import { readHeld } from "../executions/held-request.ts";
import { planFor } from "../executions/make-plan.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import type { Offsets, StreamState } from "../output/stream-state.ts";
import type { Kernel } from "../work/kernel.ts";
import { KernelStdin, stdinTag } from "../work/kernel-stdin.ts";
import { kernelRequest, type Performance, perform } from "../work/perform.ts";
import { followProgram } from "../work/program.ts";
import { judgeCompile, prepareRust, runRust, tellRustEnd } from "../work/rust.ts";
import type { WorkEnd } from "../work/work-end.ts";
import { kernelLanguage } from "../work/workbench.ts";
import { type Remains, readTerminal } from "./settle-execution.ts";

/** What a re-attached sandbox holds. */
export interface Held {
  readonly processes: readonly SandboxProcess[];
  /** The kernels, adopted already, by the id of their process. */
  readonly kernels: ReadonlyMap<number, Kernel>;
}

/** Lets an execution go on that an earlier server process accepted. */
export async function resumeExecution(session: LiveSession, remains: Remains, held: Held): Promise<void> {
  const { execution, state, lastSeq } = remains;
  const request = state?.request;
  if (state === undefined || request === undefined) return;
  const place = execution.background ? undefined : session.turn.enter("queue");
  const terminal = await readTerminal(session.room, remains);
  const kept = await readHeld(session.room.store, request);
  const options: RunOptions = {
    session,
    execution,
    plan: planFor({ ...execution, ...kept?.work }, { request }),
    request,
    place,
    created: Promise.resolve(),
    restored: { state, count: lastSeq, terminal },
  };
  const run = new ExecutionRun(options);
  session.runBegins(run);
  const { idempotencyKey } = execution;
  if (idempotencyKey !== undefined && request.requestHash !== undefined) {
    session.idempotencyKeys.remember(idempotencyKey, request.requestHash, run.id);
  }
  if (kept?.stdin !== undefined) session.background(feedStdin(run, Buffer.from(kept.stdin)));
  else if (request.stdinBytes !== undefined && (request.stdinBytes > 0 || request.kernelStdin === undefined)) {
    session.background(endStdin(run, request.stdinBytes));
  }
  session.background(run.drive((work) => goOn(work, remains, state, held)));
}

/** From where the disk says it stands: in a process that is still there, or from the beginning when it had not begun. */
async function goOn(work: Performance, { execution }: Remains, state: StreamState, held: Held): Promise<WorkEnd> {
  const { process: ref, consumed } = state;
  if (execution.status === "queued" || ref === undefined) {
    const begun = held.processes.find(({ tag }) => tag === execution.id || tag === `${execution.id}:compile`);
    // Started, but nothing of it was on disk: what it wrote is all still held.
    if (begun !== undefined)
      return followAgain(work, begun, begun.tag === execution.id ? "run" : "compile", undefined, execution.startedAt);
    const kernel = execution.status === "queued" ? undefined : kernelThatMayHaveIt(work, held);
    if (kernel !== undefined) return goOnInKernel(work, kernel, undefined, execution.startedAt, held);
    return perform(work);
  }
  if (ref.kind === "kernel") {
    const kernel = held.kernels.get(ref.id);
    if (kernel === undefined || work.plan.kind !== "kernel") return { kind: "sandbox_gone" };
    return goOnInKernel(work, kernel, state.consumed, execution.startedAt, held);
  }
  const process = held.processes.find(({ id }) => id === ref.id);
  if (process !== undefined) return followAgain(work, process, ref.phase, consumed, execution.startedAt);
  // Compiled and released, but not yet run.
  const next = held.processes.find(({ tag }) => tag === execution.id);
  if (next !== undefined) return followAgain(work, next, "run", undefined, execution.startedAt);
  return ref.phase === "compile" ? perform(work) : { kind: "not_started", error: new Error("its process is gone") };
}

/**
 * The kernel that was perhaps given an execution of which nothing is on disk yet but that it had its turn. One with a stdin is given to it only after
 * that was opened.
 */
function kernelThatMayHaveIt({ id, plan }: Performance, { kernels, processes }: Held): Kernel | undefined {
  if (plan.kind !== "kernel") return undefined;
  if (plan.stdin && !processes.some(({ tag }) => tag === stdinTag(id))) return undefined;
  const language = kernelLanguage(plan.language);
  return [...kernels.values()].find((kernel) => kernel.language === language);
}

/** `from`: up to where its output is on disk; where the kernel's reading begins when nothing of it is. */
async function goOnInKernel(
  work: Performance,
  kernel: Kernel,
  from: Offsets | undefined,
  startedAt: string | undefined,
  held: Held,
): Promise<WorkEnd> {
  const { plan, bench } = work;
  if (plan.kind !== "kernel") return { kind: "sandbox_gone" };
  const stdin = plan.stdin ? KernelStdin.adopt(held.processes, work.id, bench.detach) : undefined;
  work.onProcess(stdin?.process ?? kernel.process);
  const end = await kernel.resume(
    {
      request: kernelRequest(work.id, plan, stdin),
      recorder: work.recorder,
      control: work.control,
      wallMs: remaining(work.limits.wallMs, startedAt),
      cpuMs: work.limits.cpuMs,
      onUnresponsive: work.onUnresponsive,
    },
    { ...(from && { from }), ...(stdin && { ready: stdin.ready }) },
  );
  if (end.kind !== "detached") stdin?.close();
  return end;
}

async function followAgain(
  work: Performance,
  process: SandboxProcess,
  phase: "compile" | "run" | undefined,
  from: StreamState["consumed"] | undefined,
  startedAt: string | undefined,
): Promise<WorkEnd> {
  const { recorder, control, limits, bench, plan } = work;
  if (phase !== "compile") work.onProcess(process);
  const limit = phase === "compile" ? limits.compileMs : limits.wallMs;
  const end = await followProgram({
    process,
    recorder,
    control,
    ...(phase !== undefined && plan.kind === "rust" && { phase }),
    wallMs: remaining(limit, startedAt),
    from,
    onUnresponsive: work.onUnresponsive,
    detach: bench.detach,
  });
  if (plan.kind !== "rust") return end;
  if (phase !== "compile") {
    tellRustEnd(work, end);
    return end;
  }
  const refused = await judgeCompile(work, end, () => process.release());
  if (refused !== undefined) return refused;
  return runRust(work, plan, (await prepareRust(bench.sandbox, work.id, plan)).run);
}

/** Deadlines are absolute: what passed while no server was there counts. */
function remaining(limitMs: number | undefined, startedAt: string | undefined): number | undefined {
  if (limitMs === undefined || startedAt === undefined) return limitMs;
  return Math.max(0, limitMs - (Date.now() - Date.parse(startedAt)));
}
