import { GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxProcess } from "../../sandbox/index.ts";

/** Makes the pipe, says so, waits for the kernel to open it, takes its name away and hands on what it is given. */
const RELAY = 'mkfifo -m 600 "$1" && echo && exec 3>"$1" && rm -f "$1" && exec cat >&3 3>&-';

/** Several emulated machines that share a processor take their time. */
const PATIENCE_MS = 30_000;

/**
 * The standard input of one execution in a kernel. A kernel lives longer than its executions, so each that is given input gets a pipe of its own,
 * fed by a small program in the sandbox: it has an end, and what was not read does not reach the next execution.
 */
export class KernelStdin {
  readonly process: SandboxProcess;
  /** Where the kernel finds the pipe. */
  readonly path: string;
  readonly #ready = Promise.withResolvers<void>();

  private constructor(process: SandboxProcess, executionId: string, detach: AbortSignal | undefined) {
    this.process = process;
    this.path = pipePath(executionId);
    this.#ready.promise.catch(() => {});
    void this.#drain(detach);
  }

  /** Resolves when the kernel can open the pipe. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Opens one, which is ready. Errors: what `spawn` throws; `unavailable` when the sandbox's code leaves no room for it. */
  static async open(sandbox: Sandbox, executionId: string, detach?: AbortSignal): Promise<KernelStdin> {
    const process = await sandbox.spawn({
      kind: "program",
      argv: ["/bin/sh", "-c", RELAY, "sh", pipePath(executionId)],
      cwd: "/tmp",
      tag: stdinTag(executionId),
    });
    const stdin = new KernelStdin(process, executionId, detach);
    const late = setTimeout(() => stdin.#fail(), PATIENCE_MS);
    try {
      await stdin.#ready.promise;
      return stdin;
    } catch (error) {
      stdin.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Takes over the one that an earlier server process opened for the execution. */
  static adopt(
    processes: readonly SandboxProcess[],
    executionId: string,
    detach?: AbortSignal,
  ): KernelStdin | undefined {
    const process = processes.find(({ tag }) => tag === stdinTag(executionId));
    return process && new KernelStdin(process, executionId, detach);
  }

  /** Ends the program; the kernel's side reads an end of file. */
  close(): void {
    void this.process.signal("SIGKILL", "tree").catch(() => {});
    this.process.release();
  }

  async #drain(detach: AbortSignal | undefined): Promise<void> {
    try {
      for await (const item of this.process.output(detach)) {
        if (item.kind !== "exit" && item.kind !== "limit" && item.stream === "stdout") this.#ready.resolve();
      }
    } catch {
      // The sandbox's end, or the server's: told elsewhere.
    }
    this.#fail();
  }

  #fail(): void {
    this.#ready.reject(new GloveboxError("unavailable", "the execution's stdin could not be set up in the sandbox"));
  }
}

/** The end of the tag of a program that feeds an execution's stdin. */
export const STDIN_TAG = ":stdin";

/** By which the program that feeds an execution's stdin is known again. */
export function stdinTag(executionId: string): string {
  return `${executionId}${STDIN_TAG}`;
}

function pipePath(executionId: string): string {
  return `/tmp/.glovebox-stdin-${executionId}`;
}
