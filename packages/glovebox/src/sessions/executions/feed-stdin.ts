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

async function isOver(run: ExecutionRun): Promise<boolean> {
  const settled = await Promise.race([run.finished.then(() => true), Promise.resolve(false)]);
  return settled;
}
