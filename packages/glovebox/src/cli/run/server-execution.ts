import type { Execution as RunningExecution } from "@glovebox/sdk";
import type { Execution, StoredEvent } from "../../core/index.ts";
import type { RunHooks } from "./program.ts";

/** One piece of stdin that is sent at once. */
const PIECE = 524_288;

/**
 * Stays with an execution of a server until it is over: hands on its events, feeds its stdin, cancels it when the signal aborts.
 * Gives its final state.
 */
export async function attend(execution: RunningExecution, hooks: RunHooks): Promise<Execution> {
  const over = new AbortController();
  const cancel = () => void execution.cancel().catch(() => {});
  hooks.signal.addEventListener("abort", cancel, { once: true });
  if (hooks.signal.aborted) cancel();
  const feeding = hooks.stdin === undefined ? undefined : feed(execution, hooks.stdin, over.signal);
  try {
    for await (const event of execution.follow()) await hooks.onEvent(event as StoredEvent);
  } catch (error) {
    cancel();
    throw error;
  } finally {
    hooks.signal.removeEventListener("abort", cancel);
    over.abort();
  }
  await feeding;
  return (await execution.refresh()) as Execution;
}

async function feed(execution: RunningExecution, stdin: AsyncIterable<Uint8Array>, over: AbortSignal): Promise<void> {
  const input = stdin[Symbol.asyncIterator]();
  const ended = new Promise<{ done: true; value: undefined }>((resolve) => {
    over.addEventListener("abort", () => resolve({ done: true, value: undefined }), { once: true });
  });
  try {
    for (;;) {
      const { done, value } = await Promise.race([input.next(), ended]);
      if (done === true) break;
      for (let at = 0; at < value.length; at += PIECE) await execution.write(value.subarray(at, at + PIECE));
    }
    if (!over.aborted) await execution.closeStdin();
  } catch {
    // The program is over, or has closed its stdin: what is left of the input is nobody's.
  } finally {
    void input.return?.();
  }
}
