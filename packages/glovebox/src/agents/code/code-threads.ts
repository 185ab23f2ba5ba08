import { type ReadingLimits, ReadingThreads } from "../../syntax/index.ts";
import type { calls } from "./calls.ts";

/** `.ts` in development, `.js` when published. */
const MAIN = new URL(`./main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export type CodeCall = keyof typeof calls;

/**
 * Threads that read code which nobody has reviewed, bounded in time and memory: code that is too much for a parser ends its thread, and its call fails with
 * `payload_too_large`. Calls are made within steps, so that their answers are journaled.
 */
export class CodeThreads implements AsyncDisposable {
  readonly #threads: ReadingThreads<typeof calls>;

  constructor(limits?: ReadingLimits) {
    this.#threads = new ReadingThreads(MAIN, limits);
  }

  /** Calls one of the table. Errors: `queue_full`, `payload_too_large`, `cancelled`, and those of the call. */
  async call<K extends CodeCall>(
    name: K,
    input: Parameters<(typeof calls)[K]>[0],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Awaited<ReturnType<(typeof calls)[K]>>> {
    return await this.#threads.read(name, input, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
  }
}
