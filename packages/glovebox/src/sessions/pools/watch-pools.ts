import type { Isolation, Metrics, Sample } from "../../core/index.ts";

export interface PoolState {
  readonly isolation: Isolation;
  readonly target: number;
  readonly ready: number;
  readonly making: number;
}

/** Has the pools of this node looked at, those of an isolation together: what templates are called is their users' word. */
export function watchPools(metrics: Metrics, pools: () => Iterable<PoolState>, isShort: () => boolean): void {
  for (const what of ["target", "ready", "making"] as const) {
    metrics.watch(`pool.${what}`, () => {
      const sums = new Map<Isolation, number>();
      for (const pool of pools()) sums.set(pool.isolation, (sums.get(pool.isolation) ?? 0) + pool[what]);
      return [...sums].map(
        ([isolation, value]): Sample<{ isolation: Isolation }> => ({ value, labels: { isolation } }),
      );
    });
  }
  metrics.watch("memory.short", () => [{ value: isShort() ? 1 : 0, labels: {} }]);
}
