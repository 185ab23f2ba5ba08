/** What a benchmark case is, and how its figures are put together. */

/** Which way is better, and what is asked for (of the p50). */
export interface Target {
  readonly better: "lower" | "higher";
  readonly p50: number;
  readonly p99?: number;
}

export interface Measurement {
  /** One figure per repetition, in the case's unit. */
  readonly samples: readonly number[];
  /** The bare mechanism, measured in the same run. */
  readonly floor?: { readonly name: string; readonly samples: readonly number[] };
  /** When what is asked for is a ratio to the floor instead of a figure. */
  readonly ratioTarget?: number;
}

/** A case measures something that this machine does not have: it is left out, which is no failure. */
export class NotHere extends Error {}

export interface Case {
  readonly name: string;
  readonly unit: "ms" | "1/s" | "MiB" | "MB/s" | "%";
  /** Absent for figures that nobody asked for but that explain others. */
  readonly target?: Target;
  run(): Promise<Measurement>;
}

/** One line of `bench/out/latest.json`; the field names are a fixed point. */
export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly floor: string | null;
  readonly floorP50: number | null;
  readonly ratio: number | null;
  readonly target: string;
  readonly met: boolean;
}

/** The q-quantile (0 to 1) by the nearest-rank method. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export function toResult(name: string, unit: Case["unit"], target: Target | undefined, measured: Measurement): Result {
  const { samples, floor } = measured;
  const p50 = quantile(samples, 0.5);
  const p99 = quantile(samples, 0.99);
  const floorP50 = floor === undefined ? null : quantile(floor.samples, 0.5);
  const ratio = floorP50 === null ? null : p50 / floorP50;
  return {
    name,
    unit,
    n: samples.length,
    p50: round(p50),
    p95: round(quantile(samples, 0.95)),
    p99: round(p99),
    floor: floor?.name ?? null,
    floorP50: floorP50 === null ? null : round(floorP50),
    ratio: ratio === null ? null : round(ratio),
    target: describe(target, unit, measured.ratioTarget),
    met: isMet(target, p50, p99, ratio, measured.ratioTarget),
  };
}

function isMet(
  target: Target | undefined,
  p50: number,
  p99: number,
  ratio: number | null,
  ratioTarget?: number,
): boolean {
  if (ratioTarget !== undefined) return ratio !== null && ratio >= ratioTarget;
  if (target === undefined) return true;
  if (target.better === "higher") return p50 >= target.p50;
  return p50 <= target.p50 && (target.p99 === undefined || p99 <= target.p99);
}

function describe(target: Target | undefined, unit: string, ratioTarget?: number): string {
  if (ratioTarget !== undefined) return `>= ${Math.round(ratioTarget * 100)}% of the floor`;
  if (target === undefined) return "-";
  const sign = target.better === "lower" ? "<=" : ">=";
  const tail = target.p99 === undefined ? "" : `, p99 ${sign} ${target.p99} ${unit}`;
  return `p50 ${sign} ${target.p50} ${unit}${tail}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

/** Runs `work` `count` times after `warmUp` unmeasured ones and gives the milliseconds of each. */
export async function timeEach(
  count: number,
  warmUp: number,
  work: (index: number) => Promise<void>,
): Promise<number[]> {
  const samples: number[] = [];
  for (let i = -warmUp; i < count; i += 1) {
    const start = performance.now();
    await work(i);
    if (i >= 0) samples.push(performance.now() - start);
  }
  return samples;
}
