import type { Isolation, Metrics, Pool, PoolMiss } from "../../core/index.ts";

/** Times that are looked back at. */
const KEPT = 256;

class Times {
  readonly #last: number[] = [];
  #count = 0;

  add(ms: number): void {
    this.#count += 1;
    this.#last.push(ms);
    if (this.#last.length > KEPT) this.#last.shift();
  }

  report(): Pool["takeMs"] {
    const sorted = [...this.#last].sort((a, b) => a - b);
    const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    return { count: this.#count, p50: at(0.5), p95: at(0.95), max: at(1) };
  }
}

/** What a template's pool did since the server started, over all versions of the template; the server's figures are told, too. */
export class PoolFigures {
  readonly #metrics: Metrics;
  readonly #isolation: Isolation;
  readonly #take = new Times();
  readonly #refill = new Times();
  readonly #misses = new Map<PoolMiss, number>();
  #hits = 0;
  #made = 0;
  #failed = 0;
  #dead = 0;
  #dropped = 0;

  constructor(metrics: Metrics, isolation: Isolation) {
    this.#metrics = metrics;
    this.#isolation = isolation;
  }

  /** One was taken, and seen to be alive after so many milliseconds. */
  hit(ms: number): void {
    this.#hits += 1;
    this.#take.add(ms);
    this.#metrics.counted("pool.hit", { isolation: this.#isolation });
    this.#metrics.timed("pool.take", ms, { isolation: this.#isolation });
  }

  miss(reason: PoolMiss): void {
    this.#misses.set(reason, (this.#misses.get(reason) ?? 0) + 1);
    this.#metrics.counted("pool.miss", { isolation: this.#isolation, reason });
  }

  made(ms: number): void {
    this.#made += 1;
    this.#refill.add(ms);
    this.#metrics.timed("pool.refill", ms, { isolation: this.#isolation, outcome: "ok" });
  }

  failed(ms: number): void {
    this.#failed += 1;
    this.#metrics.timed("pool.refill", ms, { isolation: this.#isolation, outcome: "error" });
  }

  died(): void {
    this.#dead += 1;
    this.#metrics.counted("pool.dead", { isolation: this.#isolation });
  }

  dropped(): void {
    this.#dropped += 1;
    this.#metrics.counted("pool.dropped", { isolation: this.#isolation });
  }

  report(): Pick<Pool, "hits" | "misses" | "made" | "failed" | "dead" | "dropped" | "takeMs" | "refillMs"> {
    const total = [...this.#misses.values()].reduce((sum, count) => sum + count, 0);
    return {
      hits: this.#hits,
      misses: { total, byReason: Object.fromEntries(this.#misses) },
      made: this.#made,
      failed: this.#failed,
      dead: this.#dead,
      dropped: this.#dropped,
      takeMs: this.#take.report(),
      refillMs: this.#refill.report(),
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
