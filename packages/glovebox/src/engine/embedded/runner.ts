import {
  type Budget,
  type Clock,
  type ErrorBody,
  GloveboxError,
  isGloveboxError,
  type Logger,
  type Metrics,
  type Redactor,
  type Run,
  toTimestamp,
} from "../../core/index.ts";
import type { Store, StoredRun } from "../../store/index.ts";
import { BudgetMeter } from "../budget.ts";
import type { DeterminismGuard } from "../guard/determinism-guard.ts";
import { toRecord } from "../journal/reader.ts";
import { Parked, type Program } from "../program.ts";
import type { ProgramRegistry } from "../registry.ts";
import { Scheduler, type SchedulerOptions, type Slot } from "../scheduler/scheduler.ts";
import { Timers } from "../scheduler/timers.ts";
import { Divergence } from "./divergence.ts";
import { drive } from "./drive.ts";
import type { ChildEnd, ChildRun, Host } from "./host.ts";
import type { Outcome } from "./life.ts";
import { LiveRun } from "./live-run.ts";
import { RunChanges } from "./run-changes.ts";

interface Active {
  readonly live: LiveRun;
  readonly ended: PromiseWithResolvers<Outcome>;
  /** Resolves once nobody executes it any more. */
  readonly gone: Promise<void>;
  execute(slot: Slot): Promise<void>;
  /** Ends it before it began. */
  refuse(error: ErrorBody): Promise<void>;
}

/** A run that is in nobody's hands for a while. */
interface Held {
  readonly tenantId: string;
  /** What its work is told. */
  readonly reason: GloveboxError;
  /** Those who wait for the run's end go on waiting. */
  ended: PromiseWithResolvers<Outcome> | undefined;
}

/** Disposed of without being given back: the run is left to whoever takes it up next. */
export interface Hold extends Disposable {
  /** Lets the run go on, as it is now. */
  giveBack(stored: StoredRun): void;
}

export interface RunnerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly redactor: Redactor | undefined;
  readonly registry: ProgramRegistry;
  readonly guard: DeterminismGuard;
  readonly graceMs: number;
  readonly maxDeaths: number;
  readonly scheduling: Omit<SchedulerOptions, "clock" | "onDead">;
  readonly tenantBudget: ((tenantId: string) => Omit<Budget, "wallMs"> | undefined) | undefined;
  readonly onEnd: ((run: Run) => Promise<void>) | undefined;
  /** Puts the first record of a new run in the store. */
  readonly create: (child: ChildRun) => Promise<StoredRun>;
}

const UNFINISHED = ["queued", "running", "waiting"] as const;

/** The runs that this process has in its hands. */
export class Runner implements Host {
  readonly source: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly redactor: Redactor | undefined;
  readonly metrics: Metrics;
  readonly guard: DeterminismGuard;
  readonly graceMs: number;
  readonly maxDeaths: number;
  readonly scheduler: Scheduler;
  readonly changes = new RunChanges();
  readonly #options: RunnerOptions;
  readonly #active = new Map<string, Active>();
  readonly #held = new Map<string, Held>();
  readonly #meters = new Map<string, Promise<BudgetMeter | undefined>>();
  #isClosed = false;

  constructor(options: RunnerOptions) {
    this.source = options.store;
    this.clock = options.clock;
    this.logger = options.logger;
    this.redactor = options.redactor;
    this.metrics = options.metrics;
    this.guard = options.guard;
    this.graceMs = options.graceMs;
    this.maxDeaths = options.maxDeaths;
    this.timers = new Timers(options.clock);
    this.scheduler = new Scheduler({
      ...options.scheduling,
      clock: options.clock,
      onDead: ({ id, summary }) => this.#refused(id, summary),
    });
    this.#options = options;
    options.metrics.watch("run.queued", () => [{ value: this.scheduler.queued, labels: {} }]);
    options.metrics.watch("run.working", () => [
      { value: Math.max(0, this.#active.size - this.scheduler.queued), labels: {} },
    ]);
  }

  active(id: string): LiveRun | undefined {
    return this.#active.get(id)?.live;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Gives a run its turn. `always`: also when the queue is full. `journal_mismatch` when no program can go on with it. */
  adopt(stored: StoredRun, options: { readonly always?: boolean } = {}): void {
    const { id } = stored.run;
    if (this.#isClosed) throw new GloveboxError("unavailable", "the engine is closed");
    if (this.#held.has(id) || stored.run.rollingBack !== undefined) {
      throw new GloveboxError("unavailable", `run ${id} is being rolled back`);
    }
    if (this.#active.has(id)) return;
    this.#adopt(stored, newEnd(), options);
  }

  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  /** Stops a run's work without a word in its journal, and keeps everybody from taking it up. `conflict` when somebody holds it already. */
  async hold(run: Run): Promise<Hold> {
    const { id, tenantId } = run;
    if (this.#held.has(id)) throw new GloveboxError("conflict", `run ${id} is being rolled back already`);
    const reason = new GloveboxError("cancelled", "the run is being rolled back");
    const active = this.#active.get(id);
    const held: Held = { tenantId, reason, ended: active === undefined && isUnfinished(run) ? newEnd() : undefined };
    this.#held.set(id, held);
    if (active !== undefined) {
      const hasBegun = !this.scheduler.remove(id);
      await active.live.leave(reason);
      if (hasBegun) await active.gone;
      else {
        this.#active.delete(id);
        held.ended = active.ended;
      }
      await active.live.workEnds();
    }
    const release = () => {
      if (this.#held.get(id) === held) this.#held.delete(id);
    };
    return {
      giveBack: (stored) => {
        release();
        if (!this.#isClosed) this.#adopt(stored, held.ended ?? newEnd(), { always: true });
        else held.ended?.reject(new GloveboxError("unavailable", "the engine was closed before the run's end"));
      },
      [Symbol.dispose]: () => {
        if (this.#held.get(id) !== held) return;
        release();
        held.ended?.reject(new GloveboxError("unavailable", `run ${id} could not be rolled back`));
      },
    };
  }

  #adopt(stored: StoredRun, ended: PromiseWithResolvers<Outcome>, options: { readonly always?: boolean }): void {
    const { id, tenantId, priority } = stored.run;
    const program = this.#options.registry.for(stored.run);
    const active = this.#newActive(stored, program, ended);
    this.#active.set(id, active);
    try {
      const work = (_attempt: number, _signal: AbortSignal, slot: Slot) => active.execute(slot);
      this.scheduler.submit({ id, tenantId, kind: program.name, priority, work }, options);
    } catch (error) {
      this.#active.delete(id);
      throw error;
    }
  }

  /** Lets a run that has not begun go on without its turn: it is to be cancelled, which needs no room. */
  expedite(id: string): void {
    if (!this.scheduler.remove(id)) return;
    const nothing = () => {};
    void this.#active.get(id)?.execute({ release: nothing, retake: nothing });
  }

  /** How a run ended, once it has. Rejects with what stopped it when it stopped without an end. */
  async end(tenantId: string, id: string, signal?: AbortSignal): Promise<Outcome> {
    const [active, held] = [this.#active.get(id), this.#held.get(id)];
    const ended = (active?.ended ?? held?.ended)?.promise;
    if (ended === undefined || (active?.live ?? held)?.tenantId !== tenantId) return this.#storedEnd(tenantId, id);
    signal?.throwIfAborted();
    if (signal === undefined) return ended;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([ended, promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async tenantMeter(tenantId: string): Promise<BudgetMeter | undefined> {
    const limits = this.#options.tenantBudget?.(tenantId);
    if (limits === undefined) return undefined;
    const known = this.#meters.get(tenantId);
    if (known !== undefined) return known;
    const meter = this.source.runs.usage(tenantId).then((used) => new BudgetMeter(limits, used));
    this.#meters.set(tenantId, meter);
    return meter;
  }

  async runChild(child: ChildRun, signal: AbortSignal): Promise<ChildEnd> {
    const stored = (await this.source.runs.get(child.tenantId, child.childId)) ?? (await this.#options.create(child));
    const isInHand = this.#active.has(child.childId) || this.#held.has(child.childId);
    if (isUnfinished(stored.run) && !isInHand) this.adopt(stored, { always: true });
    try {
      const outcome = await this.end(child.tenantId, child.childId, signal);
      if (outcome.status === "completed") return { ok: true, output: outcome.output };
      const { code, message, details } = outcome.error;
      return { ok: false, error: new GloveboxError(code, message, details === undefined ? {} : { details }) };
    } catch (error) {
      // Who rolls the parent back knows which of its children are to stay.
      const isStopped = signal.reason instanceof Parked || this.#held.has(child.parentId);
      if (signal.aborted && !isStopped) {
        await this.#cancelChild(child.tenantId, child.childId, "the run that started it does not want it any more");
      }
      throw error;
    }
  }

  /** Asks for a run's end, if it has not ended. */
  async cancel(tenantId: string, id: string, reason: string): Promise<boolean> {
    const active = this.#active.get(id);
    if (active === undefined || active.live.tenantId !== tenantId) return false;
    await active.live.signal("$cancel", reason);
    this.expedite(id);
    return true;
  }

  /** One that ends in the same moment needs nothing. */
  async #cancelChild(tenantId: string, id: string, reason: string): Promise<void> {
    if (this.#active.get(id)?.live.stopped.aborted !== true) await this.cancel(tenantId, id, reason);
  }

  async cancelChildren(tenantId: string, parentId: string, reason: string): Promise<void> {
    const { items } = await this.source.runs.list(tenantId, { parentId, status: UNFINISHED, limit: 1000 });
    for (const { id } of items) await this.#cancelChild(tenantId, id, reason);
  }

  onCommit(runId: string): void {
    this.changes.tell(runId);
  }

  /** Tells whoever keeps something for a run that it has ended. */
  async onEnd(run: Run): Promise<void> {
    try {
      await this.#options.onEnd?.(run);
    } catch (error) {
      this.logger.error({ runId: run.id, err: error }, "could not clean up after a run");
    }
  }

  /** Leaves everything to the next engine. */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true;
    if (drainMs > 0) await this.#drain(drainMs);
    this.timers.close();
    const parked = new Parked("the engine is closed");
    await Promise.all([...this.#active.values()].map(({ live }) => live.leave(parked)));
    await this.scheduler.park();
    await Promise.allSettled([...this.#active.values()].map(({ live }) => live.workEnds()));
    this.#active.clear();
    this.changes.close();
  }

  async #drain(drainMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timeout = setTimeout(resolve, drainMs);
    const working = [...this.#active.values()].filter(({ live }) => live.run.status !== "waiting");
    await Promise.race([promise, Promise.allSettled(working.map(({ ended }) => ended.promise))]);
    clearTimeout(timeout);
  }

  #newActive(stored: StoredRun, program: Program, ended: PromiseWithResolvers<Outcome>): Active {
    const { resolve, reject } = ended;
    const gone = Promise.withResolvers<void>();
    let slot: Slot | undefined;
    const live = new LiveRun(this, stored, (waits) => (waits ? slot?.release() : slot?.retake()));
    const execute = async (own: Slot) => {
      slot = own;
      try {
        resolve(await drive(this, live, program));
      } catch (error) {
        const held = this.#held.get(live.id);
        if (held !== undefined && error === held.reason) held.ended = ended;
        else reject(await this.#stopped(live, error));
      } finally {
        this.#active.delete(live.id);
        gone.resolve();
      }
    };
    const refuse = async (error: ErrorBody) => {
      live.change({ status: "failed", error, endedAt: toTimestamp(this.clock.nowMs()) });
      live.append({ type: "run.failed", payload: { error } });
      live.writer.close();
      await live.leave(new GloveboxError(error.code, error.message));
      this.#active.delete(live.id);
      resolve({ status: "failed", error });
    };
    return { live, ended, gone: gone.promise, execute, refuse };
  }

  /** A run that stopped without an end. When its program or journal is to blame, its row says so; its journal stays as it is. */
  async #stopped(live: LiveRun, error: unknown): Promise<unknown> {
    if (error instanceof Parked) return new GloveboxError("unavailable", "the engine was closed before the run's end");
    await live.leave(error);
    this.logger.error({ runId: live.id, err: error }, "a run stopped without an end");
    const isFault =
      error instanceof Divergence ||
      isGloveboxError(error, "journal_corrupt") ||
      isGloveboxError(error, "journal_mismatch");
    if (!isFault) return error;
    const patch = {
      status: "failed",
      error: error.toBody(),
      endedAt: toTimestamp(this.clock.nowMs()),
      waitingFor: undefined,
    } as const;
    await this.source.runs.append(live.id, live.writer.stored, [], patch).catch((failure: unknown) => {
      this.logger.error({ runId: live.id, err: failure }, "could not say of a run that it stopped");
    });
    this.changes.tell(live.id);
    return error;
  }

  /** Dropped from a full queue. */
  #refused(id: string, summary: string): void {
    const refused = this.#active.get(id)?.refuse({ code: "queue_full", message: summary });
    void refused?.catch((error: unknown) =>
      this.logger.error({ runId: id, err: error }, "could not end a dropped run"),
    );
  }

  async #storedEnd(tenantId: string, id: string): Promise<Outcome> {
    const stored = await this.source.runs.get(tenantId, id);
    if (stored === undefined) throw new GloveboxError("not_found", `no run ${id}`);
    const { run, head } = stored;
    if (isUnfinished(run))
      throw new GloveboxError(
        "unavailable",
        `run ${id} does not go on here: ${run.program} ${run.version} is not registered`,
      );
    const [row] = await this.source.runs.read(id, { afterSeq: head.seq - 1, limit: 1 });
    const record = row === undefined ? undefined : await toRecord(this.source, id, row);
    if (record?.type === "run.completed" && record.erased !== true) return { status: "completed", ...record.payload };
    if (record?.type === "run.completed") throw new GloveboxError("not_found", `the output of run ${id} was erased`);
    return {
      status: run.status === "cancelled" ? "cancelled" : "failed",
      error: run.error ?? { code: "internal", message: "unknown" },
    };
  }
}

function newEnd(): PromiseWithResolvers<Outcome> {
  const ended = Promise.withResolvers<Outcome>();
  // Whether anybody waits for it is not known here.
  ended.promise.catch(() => {});
  return ended;
}

export function isUnfinished({ status }: Run): boolean {
  return (UNFINISHED as readonly string[]).includes(status);
}
