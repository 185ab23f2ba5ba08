import type { SandboxProcess } from "../../sandbox/index.ts";
import { Kernel } from "./kernel.ts";
import { STDIN_TAG } from "./kernel-stdin.ts";
import { isKernel, languageOf, type Workbench } from "./workbench.ts";

/**
 * Takes over what came along with the memory that a sandbox was made from: kernels become the session's, and programs go on beside what it
 * runs, without an execution of their own. What they print is the session's from here on; nobody writes to their stdin any more, so it ends.
 * `busy`: a kernel may be in the middle of something.
 */
export function adoptProcesses(bench: Workbench, options: { readonly busy: boolean }): void {
  for (const process of bench.sandbox.attached) {
    if (isKernel(process)) adoptKernel(bench, process, options.busy);
    else if (process.tag.endsWith(STDIN_TAG)) endFeeder(process);
    else {
      void process.closeStdin().catch(() => {});
      void keepUp(bench, process);
    }
  }
}

/** One that goes on after a restart of the server, whose stdin has ended long ago. */
export function adoptProgram(bench: Workbench, process: SandboxProcess): void {
  void keepUp(bench, process);
}

function adoptKernel(bench: Workbench, process: SandboxProcess, busy: boolean): void {
  const language = languageOf(process);
  const kernel = new Kernel({ language, process, idle: bench.idle, detach: bench.detach, inherited: true });
  bench.adopt(language, kernel);
  if (busy) kernel.catchUp();
}

/** The code that reads from it comes to an end of file. */
function endFeeder(process: SandboxProcess): void {
  void process.signal("SIGKILL", "tree").catch(() => {});
  process.release();
}

/** A program whose output nobody takes would stop in the end. */
async function keepUp(bench: Workbench, process: SandboxProcess): Promise<void> {
  try {
    for await (const item of process.output(bench.detach)) {
      if (item.kind === "exit") process.release();
      else if (item.kind === "output") {
        const { stream, offset, data } = item;
        bench.idle.output(item, () => process.ack(stream, offset + data.length));
      }
    }
  } catch {
    // The sandbox's end, or the server's: told elsewhere.
  }
}
