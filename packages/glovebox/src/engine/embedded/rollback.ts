import { type Clock, canonicalJson, GloveboxError, type Redactor, type Run } from "../../core/index.ts";
import type { Store, StoredRun } from "../../store/index.ts";
import type { Restore, Restored, RollbackOptions } from "../durable-engine.ts";
import { seal } from "../journal/chain.ts";
import { type Cut, findCut } from "./cut.ts";
import { HeldDescendants } from "./held-descendants.ts";
import { type Hold, isUnfinished, type Runner } from "./runner.ts";
import { voidsOf } from "./voids.ts";

const MAX_REASON = 1000;

export interface RollbacksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly redactor: Redactor | undefined;
  readonly runner: Runner;
  readonly restore: Restore | undefined;
}

/**
 * Takes runs back to before a step. The intention is in the run's row first, so that a run that was going on and whose process ends in the midst is taken back by the next
 * engine instead of going on over a workspace that was put back. One that had ended stays ended then, and can be taken back once more.
 */
export class Rollbacks {
  readonly #options: RollbacksOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(options: RollbacksOptions) {
    this.#options = options;
  }

  /** See `DurableEngine.rollback`. */
  async rollBack(stored: StoredRun, { step, reason }: RollbackOptions): Promise<Restored | undefined> {
    const { run } = stored;
    if (run.imported === true) throw conflict(run, "was imported: it cannot go on");
    if (reason !== undefined && reason.length > MAX_REASON) {
      const message = `a reason has at most ${MAX_REASON} characters`;
      throw new GloveboxError("invalid_argument", message, { details: { path: "reason" } });
    }
    // Before anything is stopped.
    await this.#cutOf(stored, step);
    const said = reason === undefined ? {} : { reason: this.#options.redactor?.redact(reason) ?? reason };
    return this.#tracked(() => this.#stopAndGoBack(run, { step, ...said }));
  }

  /** Brings to its end what the last engine had begun. */
  async finish(run: Run): Promise<Restored | undefined> {
    if (this.#options.runner.isHeld(run.id)) return undefined;
    return this.#tracked(async () => {
      using held = await this.#options.runner.hold(run);
      return await this.#goBack(await this.#read(run), held);
    });
  }

  /** Ends what is under way; what is not finished is left to the next engine. */
  async close(): Promise<void> {
    this.#closing.abort(new GloveboxError("unavailable", "the engine is closed"));
    await Promise.allSettled([...this.#underWay]);
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    this.#closing.signal.throwIfAborted();
    const done = work();
    this.#underWay.add(done);
    try {
      return await done;
    } finally {
      this.#underWay.delete(done);
    }
  }

  async #stopAndGoBack(run: Run, rollingBack: NonNullable<Run["rollingBack"]>): Promise<Restored | undefined> {
    const { store, runner } = this.#options;
    using held = await runner.hold(run);
    const stopped = await this.#read(run);
    await store.runs.append(run.id, stopped.head, [], { rollingBack });
    try {
      return await this.#goBack({ ...stopped, run: { ...stopped.run, rollingBack } }, held);
    } catch (error) {
      // A run that was going on when the engine closes: the next engine finishes it.
      if (this.#closing.signal.aborted && isUnfinished(stopped.run)) throw error;
      await store.runs.append(run.id, stopped.head, [], { rollingBack: undefined });
      if (isUnfinished(stopped.run)) held.giveBack(stopped);
      throw error;
    }
  }

  async #goBack(stored: StoredRun, held: Hold): Promise<Restored | undefined> {
    const { run } = stored;
    const { runner } = this.#options;
    const cut = await this.#cutOf(stored, run.rollingBack?.step ?? "");
    const descendants = await HeldDescendants.of(this.#options, run, cut.children);
    try {
      const restored = await this.#restore(run, cut, descendants.ids);
      await descendants.cancel();
      await this.#append(stored, cut, restored);
      runner.onCommit(run.id);
      held.giveBack(await this.#read(run));
      return restored;
    } finally {
      await descendants.release();
    }
  }

  async #append({ run, head }: StoredRun, cut: Cut, restored: Restored | undefined): Promise<void> {
    const { store, clock } = this.#options;
    const { step, reason } = run.rollingBack ?? { step: "" };
    const payload = {
      toSeq: cut.toSeq,
      step,
      ...(reason === undefined ? {} : { reason }),
      snapshots: cut.snapshots.map(({ seq }) => seq),
      ...(restored === undefined ? {} : { restored }),
    };
    const text = canonicalJson(payload);
    const row = seal(run.id, head, { ts: clock.nowMs(), type: "rollback", step: null, attempt: null }, text);
    if (row.place === "blob") await store.blobs.put(Buffer.from(text, "utf8"));
    const rollbacks = (run.rollbacks ?? 0) + 1;
    const ended = { error: undefined, endedAt: undefined, waitingFor: undefined, rollingBack: undefined };
    await store.runs.append(run.id, head, [row], { ...ended, status: "queued", rollbacks });
  }

  async #restore(run: Run, { snapshots }: Cut, descendants: readonly string[]): Promise<Restored | undefined> {
    const { restore } = this.#options;
    if (restore === undefined) return undefined;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const { promise: closed, reject } = Promise.withResolvers<never>();
    closed.catch(() => {});
    const onClose = () => reject(signal.reason);
    signal.addEventListener("abort", onClose, { once: true });
    try {
      const facts = snapshots.map(({ step = "", payload }) => ({ step, payload }));
      const work: Promise<unknown> = restore(run, facts, { descendants, signal });
      return (await Promise.race([work, closed])) as Restored | undefined;
    } finally {
      signal.removeEventListener("abort", onClose);
    }
  }

  async #cutOf(stored: StoredRun, step: string): Promise<Cut> {
    const { store } = this.#options;
    return findCut(store, stored, await voidsOf(store, stored), step);
  }

  async #read({ tenantId, id }: Run): Promise<StoredRun> {
    const stored = await this.#options.store.runs.get(tenantId, id);
    if (stored === undefined) throw new GloveboxError("not_found", `no run ${id}`);
    return stored;
  }
}

function conflict({ id, status }: Run, why: string): GloveboxError {
  return new GloveboxError("conflict", `run ${id} ${why}`, { details: { status } });
}
