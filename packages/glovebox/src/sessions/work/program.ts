import type { SandboxProcess } from "../../sandbox/index.ts";
import type { Recorder } from "../output/recorder.ts";
import { NO_OFFSETS, type Offsets } from "../output/stream-state.ts";
import { Backstop } from "./backstop.ts";
import type { StopCause } from "./cause.ts";
import type { WorkControl } from "./work-control.ts";
import type { WorkEnd } from "./work-end.ts";

/** How long a program may take to end after SIGTERM before its whole tree is killed. */
const TERM_GRACE_MS = 500;

export interface ProgramWork {
  readonly process: SandboxProcess;
  readonly recorder: Recorder;
  readonly control: WorkControl;
  readonly phase?: "compile" | "run";
  /** Wall time it still has; absent: no limit. */
  readonly wallMs?: number | undefined;
  /** Where its output goes on, after a restart. */
  readonly from?: Offsets | undefined;
  /** The agent does not do what it should: the sandbox cannot be trusted any more. */
  readonly onUnresponsive: () => void;
  /** The server lets go of the sandbox. */
  readonly detach?: AbortSignal | undefined;
}

/** Records a program's output until it ends, stopping it when asked to. The exit is released by the caller once it is on disk. */
export async function followProgram(work: ProgramWork): Promise<WorkEnd> {
  const { process, recorder, control } = work;
  recorder.attach(
    { id: process.id, kind: "program", ...(work.phase !== undefined && { phase: work.phase }) },
    work.from ?? NO_OFFSETS,
    (stream, offset) => process.ack(stream, offset),
  );
  if (work.from !== undefined) process.resumeFrom(resumable(process, work.from));
  using backstop = new Backstop(work.onUnresponsive, work.wallMs);
  using stopping = stopProgramOn(control, process, backstop);
  void stopping;
  try {
    for await (const item of process.output(work.detach)) {
      if (item.kind === "exit") return { kind: "exit", exit: item.exit };
      if (item.kind === "limit") control.limitTripped(isCompileWall(work, item.limit) ? "compile" : item.limit);
      else if (item.stream !== "control") recorder.output(item.stream, item.offset, item.data);
    }
  } catch {
    // The sandbox ended or we let go of it; its end tells which.
  }
  return work.detach?.aborted ? { kind: "detached" } : { kind: "sandbox_gone" };
}

/** Bytes past an output limit may have been acknowledged without a commit, so the agent can be further than the state on disk. */
export function resumable(process: SandboxProcess, from: Offsets): Offsets {
  const { held } = process;
  return {
    stdout: Math.max(from.stdout, held.stdout.from),
    stderr: Math.max(from.stderr, held.stderr.from),
    control: Math.max(from.control, held.control.from),
  };
}

function isCompileWall(work: ProgramWork, limit: string): boolean {
  return work.phase === "compile" && limit === "wall";
}

function stopProgramOn(control: WorkControl, process: SandboxProcess, backstop: Backstop): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const kill = () => void process.signal("SIGKILL", "tree").catch(() => {});
  control.target((cause: StopCause) => {
    backstop.rearm(TERM_GRACE_MS);
    if (cause.kind !== "cancelled") return kill();
    void process.signal("SIGTERM", "tree").catch(() => {});
    timer = setTimeout(kill, TERM_GRACE_MS);
  });
  return {
    [Symbol.dispose]: () => {
      control.target(undefined);
      clearTimeout(timer);
      // What the root left behind goes too.
      if (control.cause !== undefined) kill();
    },
  };
}
