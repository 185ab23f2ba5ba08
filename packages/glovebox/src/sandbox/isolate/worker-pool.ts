import { GloveboxError } from "../../core/index.ts";
import { engineModule } from "./engine-module.ts";
import { WorkerThread } from "./worker-thread.ts";

/** Keeps workers ready, each with an instance of its own. A worker is taken once and never comes back. */
export class WorkerPool implements AsyncDisposable {
  readonly #size: number;
  readonly #ready: WorkerThread[] = [];
  readonly #starting = new Set<Promise<void>>();
  #closed = false;

  /** `size`: how many workers to keep ready. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Starts what is missing; resolves when all of it is ready. */
  async fill(): Promise<void> {
    const missing = this.#size - this.#ready.length - this.#starting.size;
    for (let i = 0; i < missing && !this.#closed; i += 1) this.#refill();
    await Promise.all(this.#starting);
  }

  /** A ready worker, or a new one. Another is started in its place, once the caller has had the CPU. */
  async take(): Promise<WorkerThread> {
    if (this.#closed) throw new GloveboxError("unavailable", "the isolate driver is closed");
    let worker = this.#ready.shift();
    while (worker && !worker.alive) worker = this.#ready.shift();
    if (worker) worker.hold(true);
    else worker = await start(false);
    if (this.#size > 0) setTimeout(() => this.fill().catch(() => undefined), 20).unref();
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    await Promise.all(this.#ready.splice(0).map((worker) => worker.terminate()));
  }

  #refill(): void {
    const task = start(true)
      .then(async (worker) => {
        worker.hold(false);
        if (this.#closed) await worker.terminate();
        else this.#ready.push(worker);
      })
      .finally(() => this.#starting.delete(task));
    task.catch(() => undefined);
    this.#starting.add(task);
  }
}

async function start(rehearse: boolean): Promise<WorkerThread> {
  const worker = new WorkerThread(await engineModule(), rehearse);
  try {
    await worker.warm;
  } catch (error) {
    throw new GloveboxError("isolation_unavailable", `the engine does not start: ${String(error)}`, { cause: error });
  }
  return worker;
}
