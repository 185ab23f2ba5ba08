import { median, type StepHistory, type StepObservation } from "./step-history.ts";

/** What the next run of a step is expected to be, and how wrong such expectations were so far. */
export interface StepForecast {
  readonly workflow: string;
  readonly job: string;
  readonly step: string;
  /** Runs of it that this is made from. */
  readonly runs: number;
  /** From 0 to 1. */
  readonly successProbability: number;
  /** Of a successful run, milliseconds. Absent: it never succeeded. */
  readonly durationMs?: number;
  /** Measured by foretelling each past run from those before it. Absent with fewer than three such runs. */
  readonly error?: {
    /** Foretold runs. */
    readonly runs: number;
    /** Mean of how far the duration was off, as a share of the real one: 0.1 is ten percent. */
    readonly duration: number;
    /** Mean of the squared difference between probability and outcome (Brier score): 0 is perfect, 0.25 is a coin. */
    readonly success: number;
  };
}

/** Runs that count: what a step was like long ago says little. */
const RECENT = 20;
/** Before it is foretold, a step must have run so often. */
const WARM_UP = 3;

export function forecast({ workflow, job, step, observations }: StepHistory): StepForecast {
  const durationMs = durationAfter(observations);
  const error = measuredError(observations);
  return {
    workflow,
    job,
    step,
    runs: observations.length,
    successProbability: round(probabilityAfter(observations)),
    ...(durationMs !== undefined && { durationMs: Math.round(durationMs) }),
    ...(error !== undefined && { error }),
  };
}

/** Laplace's rule of succession: never quite sure, less so with little to go by. */
function probabilityAfter(before: readonly StepObservation[]): number {
  const recent = before.slice(-RECENT);
  return (recent.filter(({ succeeded }) => succeeded).length + 1) / (recent.length + 2);
}

function durationAfter(before: readonly StepObservation[]): number | undefined {
  const successes = before.filter(({ succeeded }) => succeeded).slice(-RECENT);
  return successes.length === 0 ? undefined : median(successes.map(({ durationMs }) => durationMs));
}

function measuredError(observations: readonly StepObservation[]): StepForecast["error"] {
  const durations: number[] = [];
  const successes: number[] = [];
  for (let at = WARM_UP; at < observations.length; at++) {
    const [before, real] = [observations.slice(0, at), observations[at]];
    if (real === undefined) continue;
    successes.push((probabilityAfter(before) - (real.succeeded ? 1 : 0)) ** 2);
    const foretold = durationAfter(before);
    if (real.succeeded && foretold !== undefined)
      durations.push(Math.abs(foretold - real.durationMs) / Math.max(1, real.durationMs));
  }
  if (successes.length < WARM_UP) return undefined;
  return { runs: successes.length, duration: round(mean(durations)), success: round(mean(successes)) };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
