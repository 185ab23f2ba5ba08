import type { PoolSpec } from "../../core/index.ts";

/** How long a session that asked counts, milliseconds. */
export const DEMAND_MS = 30_000;

/**
 * How large a pool should be: as many as sessions asked for one in the last 30 seconds, at least `min` and at most `max`. A burst so makes it larger by
 * what it took, and half a minute of quiet small again.
 */
export class Demand {
  /** On the monotonic clock, oldest first. */
  readonly #asked: number[] = [];

  note(nowMs: number): void {
    this.#asked.push(nowMs);
    // More than any pool may have change nothing.
    if (this.#asked.length > 1000) this.#asked.shift();
  }

  target({ min, max }: PoolSpec, nowMs: number): number {
    while ((this.#asked[0] ?? nowMs) < nowMs - DEMAND_MS) this.#asked.shift();
    return Math.min(max, Math.max(min, this.#asked.length));
  }
}
