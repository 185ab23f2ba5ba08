import { type CiJob, type CiRun, type Clock, type Logger, toGloveboxError } from "../../core/index.ts";
import type { CiRunStore } from "../../store/index.ts";
import type { RunObserver } from "./ports.ts";

/** How long changes are gathered before they are written, milliseconds: steps begin and end faster than anybody reads. */
const GATHER_MS = 50;

/**
 * The records of runs that are under way. A program makes its record anew from the journal in every life, so what is in memory is always right, and the store follows.
 * Nothing here waits in the program: it may be told of a change in the midst of a replay.
 */
export class RecordKeeper implements AsyncDisposable {
  readonly #store: CiRunStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observers: readonly RunObserver[];
  readonly #records = new Map<string, CiRun>();
  readonly #dirty = new Set<string>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #pump: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(parts: {
    readonly store: CiRunStore;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly observers: readonly RunObserver[];
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#observers = parts.observers;
    this.#pump = this.#run();
  }

  /** As it is just now, written or not. */
  live(runId: string): CiRun | undefined {
    return this.#records.get(runId);
  }

  begin(run: CiRun): void {
    this.#records.set(run.id, run);
    this.#touch(run.id);
  }

  update(runId: string, change: (run: CiRun) => CiRun): void {
    const run = this.#records.get(runId);
    if (run === undefined || run.status === "completed") return;
    this.#records.set(runId, change(run));
    this.#touch(runId);
  }

  /** Puts a job in, or in the place of the one with that key. */
  job(runId: string, key: string, change: (job: CiJob) => CiJob): void {
    this.update(runId, (run) => ({ ...run, jobs: run.jobs.map((job) => (job.key === key ? change(job) : job)) }));
  }

  /** Puts jobs where one was: the combinations of its matrix, or what a called workflow has. */
  replaceJob(runId: string, key: string, jobs: readonly CiJob[]): void {
    this.update(runId, (run) => ({ ...run, jobs: run.jobs.flatMap((job) => (job.key === key ? jobs : [job])) }));
  }

  /** Writes how it came out; on disk when it resolves. Nothing changes it afterwards. */
  async finish(runId: string, change: (run: CiRun) => CiRun): Promise<void> {
    const run = this.#records.get(runId);
    if (run === undefined || run.status === "completed") return;
    const completed = { ...change(run), status: "completed" as const, updatedAtMs: this.#clock.nowMs() };
    this.#records.set(runId, completed);
    this.#dirty.delete(runId);
    await this.#store.put(completed);
    this.#tell(runId);
  }

  /** The run has ended: whoever looks on reads the store from now on. */
  forget(runId: string): void {
    this.#records.delete(runId);
    this.#dirty.delete(runId);
    for (const watcher of this.#watchers.get(runId) ?? []) watcher();
  }

  /** Calls back at every change, until it is disposed of. */
  watch(runId: string, onChange: () => void): Disposable {
    const watchers = this.#watchers.get(runId) ?? new Set();
    this.#watchers.set(runId, watchers);
    watchers.add(onChange);
    return {
      [Symbol.dispose]: () => {
        watchers.delete(onChange);
        if (watchers.size === 0) this.#watchers.delete(runId);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#wake.resolve();
    await this.#pump;
  }

  #touch(runId: string): void {
    this.#dirty.add(runId);
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#wake.promise;
      await new Promise((resolve) => setTimeout(resolve, this.#isClosed ? 0 : GATHER_MS));
      this.#wake = Promise.withResolvers();
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      await Promise.all(dirty.map((runId) => this.#write(runId)));
    }
  }

  async #write(runId: string): Promise<void> {
    const run = this.#records.get(runId);
    if (run === undefined || run.status === "completed") return;
    const written = { ...run, updatedAtMs: this.#clock.nowMs() };
    try {
      await this.#store.put(written);
    } catch (error) {
      // The next change writes it, or its end, which is a step and says so when it cannot.
      this.#logger.warn({ runId, error: toGloveboxError(error).message }, "could not write how a CI run stands");
    }
    this.#tell(runId);
  }

  #tell(runId: string): void {
    for (const watcher of this.#watchers.get(runId) ?? []) watcher();
    const run = this.#records.get(runId);
    if (run !== undefined) for (const observer of this.#observers) observer.changed(run.tenantId, runId);
  }
}
