import type { Pool, PoolMiss } from "../../core/index.ts";

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

/** What a template's pool did since the server started, over all versions of the template. */
export class PoolFigures {
  readonly take = new Times();
  readonly refill = new Times();
  hits = 0;
  made = 0;
  failed = 0;
  dead = 0;
  dropped = 0;
  readonly #misses = new Map<PoolMiss, number>();

  miss(reason: PoolMiss): void {
    this.#misses.set(reason, (this.#misses.get(reason) ?? 0) + 1);
  }

  report(): Pick<Pool, "hits" | "misses" | "made" | "failed" | "dead" | "dropped" | "takeMs" | "refillMs"> {
    const { hits, made, failed, dead, dropped } = this;
    const total = [...this.#misses.values()].reduce((sum, count) => sum + count, 0);
    const misses = { total, byReason: Object.fromEntries(this.#misses) };
    return { hits, misses, made, failed, dead, dropped, takeMs: this.take.report(), refillMs: this.refill.report() };
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
