import { isGloveboxError } from "../../core/index.ts";
import type { ExecutionRun } from "./execution-run.ts";

/** Gives an execution its text for stdin, but for what an earlier server gave of it, and closes it after that. */
export async function feedStdin(run: ExecutionRun, data: Uint8Array): Promise<void> {
  try {
    const process = await run.process();
    const { given, closed } = process.stdin;
    if (closed) return;
    if (data.length > given) await process.write(data.subarray(given), run.control.signal);
    await process.closeStdin();
  } catch (error) {
    // A program need not read what it is given.
    if (isGloveboxError(error, "conflict") || run.control.cause !== undefined) return;
    if (!(await isOver(run))) throw error;
  }
}

/**
 * Ends the stdin of an execution whose text an earlier server gave at once, and perhaps did not come to its end with: of `bytes` bytes. Where some are missing they are
 * lost, and the execution with them: it is not to take a part for the whole.
 */
export async function endStdin(run: ExecutionRun, bytes: number): Promise<void> {
  try {
    const process = await run.process();
    const { given, closed } = process.stdin;
    if (closed) return;
    if (given === bytes) await process.closeStdin();
    else run.control.stop({ kind: "stdin_lost" });
  } catch (error) {
    if (isGloveboxError(error, "conflict") || run.control.cause !== undefined) return;
    if (!(await isOver(run))) throw error;
  }
}

async function isOver(run: ExecutionRun): Promise<boolean> {
  const settled = await Promise.race([run.finished.then(() => true), Promise.resolve(false)]);
  return settled;
}
