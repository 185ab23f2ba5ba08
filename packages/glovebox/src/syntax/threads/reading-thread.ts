import { Worker } from "node:worker_threads";
import { GloveboxError } from "../../core/index.ts";
import type { Reply, Request } from "./serve-readings.ts";

/** Of the thread's heap. The parsers' memory is WebAssembly's, bounded by the lengths that are let in. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32 } as const;

/** How often the time is looked at, and how much longer than the processor's time the clock's may be. */
const CHECK_MS = 500;
const WALL_FACTOR = 6;

/** A thread that reads one text at a time, and is ended when it takes too long: parsing cannot be interrupted otherwise. */
export class ReadingThread {
  readonly #worker: Worker;
  #settle: { resolve(reply: Reply): void; reject(error: GloveboxError): void } | undefined;
  #alive = true;

  /** `main` is the file that the thread runs; it calls `serveReadings`. */
  constructor(main: URL) {
    this.#worker = new Worker(main, { name: "glovebox-reading", resourceLimits: RESOURCE_LIMITS });
    this.#worker.on("message", (reply: Reply) => {
      if (!reply.ok && reply.spent) void this.end();
      this.#settle?.resolve(reply);
    });
    this.#worker.on("error", (error: NodeJS.ErrnoException) => this.#fail(failureOf(error)));
    this.#worker.on("exit", () =>
      this.#fail(new GloveboxError("internal", "the thread that read the text ended early")),
    );
    this.#worker.unref();
  }

  /** Whether it can be given more. */
  get alive(): boolean {
    return this.#alive;
  }

  /**
   * Asks; resolves with the thread's reply. When it has taken `cpuLimitMs` of processor time, or six times as long by the clock, or when
   * `signal` aborts, the thread is ended: `payload_too_large` or `cancelled`.
   */
  async ask(request: Request, cpuLimitMs: number, signal: AbortSignal | undefined): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#settle = { resolve, reject };
    const watch = this.#watch(cpuLimitMs);
    const onAbort = () => this.#endWith(new GloveboxError("cancelled", "reading the text was cancelled"));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#worker.ref();
    try {
      this.#worker.postMessage(request);
      return await promise;
    } finally {
      clearInterval(watch);
      signal?.removeEventListener("abort", onAbort);
      this.#settle = undefined;
      this.#worker.unref();
    }
  }

  async end(): Promise<void> {
    this.#alive = false;
    await this.#worker.terminate();
  }

  /** A loaded machine may take long by the clock over a harmless text, so that the processor's time counts. */
  #watch(cpuLimitMs: number): NodeJS.Timeout {
    const begun = performance.now();
    const settle = this.#settle;
    const message = `the text takes more than ${cpuLimitMs} ms of processor time to read`;
    const tooLong = new GloveboxError("payload_too_large", message, { details: { limit: "time", cpuLimitMs } });
    const usedBefore = this.#cpuMs();
    const check = async () => {
      // First by the clock, which needs no answer of the thread.
      if (performance.now() - begun > cpuLimitMs * WALL_FACTOR) return this.#endWith(tooLong);
      const [before, now] = await Promise.all([usedBefore, this.#cpuMs()]);
      if (now - before > cpuLimitMs && this.#settle === settle) this.#endWith(tooLong);
    };
    return setInterval(() => void check(), Math.min(CHECK_MS, cpuLimitMs));
  }

  /** Of the thread so far; 0 when it is gone. */
  async #cpuMs(): Promise<number> {
    try {
      const { user, system } = await this.#worker.cpuUsage();
      return (user + system) / 1000;
    } catch {
      return 0;
    }
  }

  #endWith(error: GloveboxError): void {
    this.#fail(error);
    void this.#worker.terminate();
  }

  #fail(error: GloveboxError): void {
    this.#alive = false;
    this.#settle?.reject(error);
  }
}

function failureOf(error: NodeJS.ErrnoException): GloveboxError {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY")
    return new GloveboxError("internal", "reading the text failed", { cause: error });
  return new GloveboxError("payload_too_large", "the text takes too much memory to read", {
    details: { limit: "memory" },
  });
}
