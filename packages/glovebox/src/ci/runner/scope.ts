import type { JsonValue } from "../../engine/index.ts";
import type { StepConclusion } from "./job-run.ts";

/** What expressions find of a step under `steps.ID`. */
export interface StepResult {
  readonly outputs: Readonly<Record<string, string>>;
  readonly outcome: StepConclusion;
  readonly conclusion: StepConclusion;
}

/** Where a step stands: among the job's steps, or in an action that is made of steps. */
export interface Scope {
  /** Of the step that the action is: `3`, `3.1`; empty for the job. Names folders and keys. */
  readonly place: string;
  /** How many actions it is within. */
  readonly depth: number;
  /** Environment from the steps around it. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the steps before it, by id. */
  readonly steps: ReadonlyMap<string, StepResult>;
  readonly status: { success(): boolean; failure(): boolean; cancelled(): boolean };
  /** The action that it is in. Absent for the job's own steps, which see its secrets and inputs. */
  readonly action?: {
    readonly inputs: Readonly<Record<string, JsonValue>>;
    readonly folder: string;
    readonly repository?: string;
    readonly ref?: string;
  };
}
