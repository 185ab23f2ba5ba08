/** What several measurements of one thing say. Milliseconds. */
export interface Spread {
  readonly median: number;
  /** Median of the distances from the median: how much chance there is in it, without being led by a single slow one. */
  readonly mad: number;
  readonly min: number;
  readonly count: number;
}

export interface Comparison {
  readonly verdict: "faster" | "slower" | "noise";
  /** The new median by the old one. */
  readonly ratio: number;
}

/** Of a normal distribution, standard deviations in a median absolute deviation. */
const DEVIATIONS = 1.4826;
/** Deviations of the difference, from where on it is no chance. */
const CERTAIN = 3;
/** A smaller difference is none, however often it was measured: clocks and caches have as much. */
const LEAST = 0.02;

/** At least one measurement. */
export function spreadOf(values: readonly number[]): Spread {
  const median = medianOf(values);
  return {
    median,
    mad: medianOf(values.map((value) => Math.abs(value - median))),
    min: Math.min(...values),
    count: values.length,
  };
}

/** Whether `now` is really other than `before`: by more than three deviations of both together, and two per cent. */
export function compare(before: Pick<Spread, "median" | "mad">, now: Pick<Spread, "median" | "mad">): Comparison {
  const ratio = before.median === 0 ? 1 : now.median / before.median;
  const noise = CERTAIN * DEVIATIONS * Math.hypot(before.mad, now.mad);
  const difference = now.median - before.median;
  const isNoise = Math.abs(difference) <= noise || Math.abs(difference) < LEAST * before.median;
  return { verdict: isNoise ? "noise" : difference < 0 ? "faster" : "slower", ratio };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
