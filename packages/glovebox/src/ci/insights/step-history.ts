import type { CiJob, CiRun, CiStep } from "../../core/index.ts";

/** One run of a step, of those that came to an end. */
export interface StepObservation {
  readonly runId: string;
  readonly succeeded: boolean;
  /** Milliseconds. */
  readonly durationMs: number;
}

/** A step through the runs of its workflow, oldest first. */
export interface StepHistory {
  readonly workflow: string;
  readonly job: string;
  readonly step: string;
  readonly observations: readonly StepObservation[];
}

/** The steps of `runs` (oldest first), by workflow, job and name. Combinations of a matrix are one step. */
export function stepHistories(runs: readonly CiRun[]): readonly StepHistory[] {
  const histories = new Map<string, StepHistory & { observations: StepObservation[] }>();
  for (const run of runs) {
    for (const { job, step } of stepsOf(run)) {
      if (step.durationMs === undefined || (step.outcome !== "success" && step.outcome !== "failure")) continue;
      const about = { workflow: run.workflow.path, job: job.id, step: step.name };
      const key = JSON.stringify(about);
      const history = histories.get(key) ?? { ...about, observations: [] };
      history.observations.push({ runId: run.id, succeeded: step.outcome === "success", durationMs: step.durationMs });
      histories.set(key, history);
    }
  }
  return [...histories.values()];
}

function stepsOf(run: CiRun): readonly { readonly job: CiJob; readonly step: CiStep }[] {
  return run.jobs.filter(({ kept }) => kept !== true).flatMap((job) => job.steps.map((step) => ({ job, step })));
}

/** The middle of `values`; 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return sorted.length % 2 === 1 || sorted.length === 0 ? high : (low + high) / 2;
}
