import { isGloveboxError } from "../../core/index.ts";
import type { ExecutionRun } from "./execution-run.ts";

/** Gives an execution its text for stdin and closes it after that. */
export async function feedStdin(run: ExecutionRun, data: Uint8Array): Promise<void> {
  try {
    const process = await run.process();
    if (data.length > 0) await process.write(data, run.control.signal);
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
