import type { Combination } from "./matrix.ts";
import type { Job, WorkflowProblem } from "./workflow.ts";

/** One combination of a job's matrix, or the job itself where it has none. */
export interface PlannedInstance {
  /** As shown: `test (20, linux)`. */
  readonly name: string;
  readonly matrix: Combination;
}

export interface PlannedJob {
  readonly id: string;
  readonly needs: readonly string[];
  /** Its place in the graph: 0 needs nothing; each other is one above the highest that it needs. */
  readonly level: number;
  /** Absent where the matrix depends on what only the run knows (`needs`, for one). */
  readonly instances?: readonly PlannedInstance[];
  readonly job: Job;
}

/** What a workflow would do. With an error among the problems there is nothing to run. */
export interface Plan {
  /** By level, then in the order of the file. */
  readonly jobs: readonly PlannedJob[];
  /** The ids of the jobs that can start together, level by level. */
  readonly levels: readonly (readonly string[])[];
  readonly problems: readonly WorkflowProblem[];
}
