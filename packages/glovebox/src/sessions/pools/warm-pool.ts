import { type Logger, type Pool, type PoolSpec, toGloveboxError } from "../../core/index.ts";
import type { KernelLanguage } from "../work/workbench.ts";
import { Demand } from "./demand.ts";
import type { PoolFigures } from "./figures.ts";
import type { Fit } from "./fit.ts";
import type { PoolMember } from "./pool-member.ts";

/** After one was taken nothing is made for this long: the session's first execution comes first. Milliseconds. */
const QUIET_MS = 30;
/** How soon it is looked again whether the machine has time. */
const AGAIN_MS = 25;
/** A machine that never has time gets one at a time all the same, after this long. */
const PATIENCE_MS = 10_000;
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;

export interface WarmPoolOptions {
  readonly make: (closing: AbortSignal) => Promise<PoolMember>;
  readonly size: PoolSpec;
  readonly figures: PoolFigures;
  /** Why nothing may be made at the moment. */
  readonly heldBack: () => Hold | undefined;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** `busy` ends by itself and is waited out; the others are looked at again with each tick. */
export type Hold = "memory" | "quota" | "busy";

/** One that was taken. `alive` tells whether it was seen to answer; it never rejects. One that did not is gone, and another is to be taken. */
export interface Taken {
  readonly member: PoolMember;
  readonly alive: Promise<boolean>;
}

/** The sandboxes that are ready for one version of a template. */
export class WarmPool {
  readonly #options: WarmPoolOptions;
  readonly #demand = new Demand();
  /** Oldest first. Who removes one from here owns it. */
  readonly #ready = new Set<PoolMember>();
  readonly #closing = new AbortController();
  readonly #tasks = new Set<Promise<unknown>>();
  #size: PoolSpec;
  #making = 0;
  /** What is being made for a pool that was drained meanwhile is not wanted. */
  #generation = 0;
  #quietUntilMs = 0;
  #busySinceMs: number | undefined;
  #hold: Hold | undefined;
  #failures = 0;
  #failed: { readonly code: string; readonly message: string; readonly retryMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  /** Sandboxes that are there or being made. */
  get held(): number {
    return this.#ready.size + this.#making;
  }

  get counts(): { readonly target: number; readonly ready: number; readonly making: number } {
    return { target: this.#target(), ready: this.#ready.size, making: this.#making };
  }

  /**
   * Takes one that fits, for its one session; `undefined` is a miss. Nobody else gets it. `again`: one that was taken before turned out to be dead.
   */
  take(judge: (member: PoolMember) => Fit, { again }: { readonly again: boolean }): Taken | undefined {
    const { figures, now } = this.#options;
    const nowMs = now();
    const [member] = this.#ready;
    const fit: Fit = member === undefined ? { miss: again ? "dead" : "empty" } : judge(member);
    // What the pool cannot serve makes it no larger.
    if (!again && (member === undefined || "kernels" in fit)) this.#demand.note(nowMs);
    this.#quietUntilMs = nowMs + QUIET_MS;
    this.#fillSoon(QUIET_MS);
    if ("miss" in fit) {
      figures.miss(fit.miss);
      // All sessions of this version want the same: what does not fit one for this reason fits none any more.
      if (fit.miss === "network") this.#drop(1);
      return undefined;
    }
    if (member === undefined) return undefined;
    this.#ready.delete(member);
    return { member, alive: this.#confirm(member, fit.kernels, nowMs) };
  }

  /** Whether one that was taken lives; if not, it goes. */
  async #confirm(member: PoolMember, kernels: ReadonlySet<KernelLanguage>, takenMs: number): Promise<boolean> {
    const { figures, now } = this.#options;
    if ((await member.healthy()) && (await member.keep(kernels))) {
      this.#failures = 0;
      figures.hit(now() - takenMs);
      return true;
    }
    figures.died();
    this.#background(member.destroy());
    return false;
  }

  /** Brings it to its size: to be called every second or so, and when something has changed. `shed`: memory is short, so it gives some back. */
  tick(options: { readonly shed: boolean } = { shed: false }): void {
    const surplus = this.held - this.#target();
    // Little by little: the shortage may be over with the first, and demand may come back.
    if (options.shed) this.#drop(Math.ceil(this.#ready.size / 2));
    else if (surplus > 0) this.#drop(1);
    this.#fill();
  }

  resize(size: PoolSpec): void {
    this.#size = size;
    this.#drop(Math.max(0, this.#ready.size - size.max));
    this.#fill();
  }

  /** Destroys what is ready; resolves when that is gone. It is filled anew. */
  async drain(): Promise<void> {
    this.#generation += 1;
    await Promise.all(this.#drop(this.#ready.size));
    this.#fillSoon(0);
  }

  /** Destroys everything and makes nothing more. Resolves when nothing is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#drop(this.#ready.size);
    while (this.#tasks.size > 0) await Promise.allSettled([...this.#tasks]);
  }

  report(nowMs: number): Pick<Pool, "state" | "reason" | "error" | "target" | "ready" | "making"> {
    const counts = this.counts;
    const full = counts.ready >= counts.target;
    const state = full
      ? "ready"
      : this.#failed !== undefined
        ? "failing"
        : this.#hold !== undefined
          ? "held"
          : "filling";
    const { code, message, retryMs } = this.#failed ?? {};
    return {
      state,
      ...(state === "held" && { reason: this.#hold }),
      ...(code !== undefined &&
        message !== undefined && {
          error: {
            code,
            message,
            retryAt: new Date(nowMs + Math.max(0, (retryMs ?? 0) - this.#options.now())).toISOString(),
          },
        }),
      ...counts,
    };
  }

  #target(): number {
    return this.#demand.target(this.#size, this.#options.now());
  }

  #fill(): void {
    while (!this.#closing.signal.aborted && this.held < this.#target() && this.#making < this.#size.refillConcurrency) {
      const waitMs = this.#waitMs();
      if (waitMs !== undefined) {
        this.#fillSoon(waitMs);
        return;
      }
      this.#making += 1;
      this.#background(this.#makeOne());
    }
  }

  /** How long to wait before the next is made; `undefined` when it may be at once. */
  #waitMs(): number | undefined {
    const nowMs = this.#options.now();
    this.#hold = undefined;
    if (this.#failed !== undefined && nowMs < this.#failed.retryMs) return this.#failed.retryMs - nowMs;
    const hold = this.#options.heldBack() ?? (nowMs < this.#quietUntilMs ? "busy" : undefined);
    if (hold !== "busy") this.#busySinceMs = undefined;
    if (hold === undefined) return undefined;
    if (hold === "busy") {
      this.#busySinceMs ??= nowMs;
      if (nowMs - this.#busySinceMs > PATIENCE_MS && this.#making === 0) return undefined;
    }
    this.#hold = hold;
    return hold === "busy" ? AGAIN_MS : BACKOFF_MS;
  }

  /** Not later than was planned before. */
  #fillSoon(ms: number): void {
    const dueMs = this.#options.now() + ms;
    if (this.#closing.signal.aborted || (this.#timer !== undefined && this.#dueMs <= dueMs)) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#fill();
    }, Math.ceil(ms)).unref();
  }

  async #makeOne(): Promise<void> {
    const { figures, make, now } = this.#options;
    const begunMs = now();
    const generation = this.#generation;
    try {
      const member = await make(this.#closing.signal);
      figures.made(now() - begunMs);
      if (this.#closing.signal.aborted || generation !== this.#generation) {
        figures.dropped();
        await member.destroy();
        return;
      }
      this.#failed = undefined;
      this.#ready.add(member);
      member.onDeath(() => this.#onDeath(member));
      if (member.dead) this.#onDeath(member);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      figures.failed(now() - begunMs);
      this.#backOff(error);
    } finally {
      this.#making -= 1;
      this.#fill();
    }
  }

  /** One that waited has died: whatever killed it may kill the next, so it is replaced with the same patience as one that could not be made. */
  #onDeath(member: PoolMember): void {
    if (!this.#ready.delete(member)) return;
    this.#options.figures.died();
    this.#background(member.destroy());
    this.#backOff(new Error("a sandbox that was ready has died"));
    this.#fillSoon(BACKOFF_MS);
  }

  #backOff(cause: unknown): void {
    const { code, message } = toGloveboxError(cause, "unavailable");
    const delayMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#failed = { code, message, retryMs: this.#options.now() + delayMs };
    this.#options.logger.warn({ code, err: cause, retryInMs: delayMs }, "a pool could not get a sandbox ready");
  }

  /** The oldest go. What is given resolves when they are gone. */
  #drop(count: number): Promise<void>[] {
    return [...this.#ready].slice(0, Math.max(0, count)).map((member) => {
      this.#ready.delete(member);
      this.#options.figures.dropped();
      return this.#background(member.destroy());
    });
  }

  #background(task: Promise<unknown>): Promise<void> {
    const kept: Promise<void> = task
      .then(() => {})
      .catch((error: unknown) => this.#options.logger.error({ err: error }, "a pool's sandbox could not be removed"))
      .finally(() => this.#tasks.delete(kept));
    this.#tasks.add(kept);
    return kept;
  }
}
