import { GloveboxError } from "../../core/index.ts";
import { ReadingThread } from "./reading-thread.ts";
import type { Readings } from "./serve-readings.ts";

export interface ReadingLimits {
  /** Threads at once. Default 2. */
  readonly threads?: number;
  /** Texts that wait for a thread; more are refused with `queue_full`. Default 64. */
  readonly waiting?: number;
  /** Processor time for one text. Default 15,000 ms. */
  readonly cpuLimitMs?: number;
  /** Threads that had nothing to do for this long are ended. Default 60,000 ms. */
  readonly idleMs?: number;
}

/**
 * Threads that read hostile text, started when there is some, ended when there is none. They do not keep the process alive. `R` is the table of what they can be asked
 * for, which the file that they run serves.
 */
export class ReadingThreads<R extends Readings> implements AsyncDisposable {
  readonly #main: URL;
  readonly #limits: Required<ReadingLimits>;
  readonly #idle: ReadingThread[] = [];
  readonly #all = new Set<ReadingThread>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** `main` is the file that the threads run; it calls `serveReadings` with the table. */
  constructor(main: URL, limits: ReadingLimits = {}) {
    this.#main = main;
    this.#limits = { threads: 2, waiting: 64, cpuLimitMs: 15_000, idleMs: 60_000, ...limits };
  }

  /** How many threads there are. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Has something read. Errors: `queue_full`, `payload_too_large` when it takes too much time or memory, `cancelled`, and those of what
   * reads.
   */
  async read<K extends keyof R & string>(
    kind: K,
    asked: Parameters<R[K]>[0],
    signal?: AbortSignal,
  ): Promise<Awaited<ReturnType<R[K]>>> {
    throwIfAborted(signal);
    await this.#turn(signal);
    const thread = this.#idle.pop() ?? this.#start();
    try {
      const reply = await thread.ask({ kind, asked }, this.#limits.cpuLimitMs, signal);
      if (!reply.ok)
        throw new GloveboxError(reply.error.code, reply.error.message, { details: reply.error.details ?? {} });
      return reply.answer as Awaited<ReturnType<R[K]>>;
    } finally {
      if (thread.alive) this.#idle.push(thread);
      else this.#all.delete(thread);
      this.#busy -= 1;
      this.#waiting.shift()?.();
      this.#endIdleLater();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idleTimer);
    const all = [...this.#all];
    this.#all.clear();
    this.#idle.length = 0;
    await Promise.all(all.map((thread) => thread.end()));
  }

  #start(): ReadingThread {
    const thread = new ReadingThread(this.#main);
    this.#all.add(thread);
    return thread;
  }

  /** Waits until fewer than the allowed threads are busy, then counts as busy. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#busy < this.#limits.threads) {
      this.#busy += 1;
      return;
    }
    if (this.#waiting.length >= this.#limits.waiting) {
      throw new GloveboxError("queue_full", `${this.#limits.waiting} texts wait to be read already`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const go = () => {
      this.#busy += 1;
      resolve();
    };
    const onAbort = () => {
      const at = this.#waiting.indexOf(go);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      reject(new GloveboxError("cancelled", "reading the text was cancelled"));
    };
    this.#waiting.push(go);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #endIdleLater(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      for (const thread of this.#idle.splice(0)) {
        this.#all.delete(thread);
        void thread.end();
      }
    }, this.#limits.idleMs);
    this.#idleTimer.unref();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new GloveboxError("cancelled", "reading the text was cancelled");
}
