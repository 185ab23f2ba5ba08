import { GloveboxError } from "../../core/index.ts";
import type { runStep, StepAtHand, StepEnd } from "../runner/run-step.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { UsesStep } from "../workflow/workflow.ts";

/** Does a step that uses an action. `steps` does the steps of one that is made of steps. */
export async function runUses(
  _run: StepRun,
  step: UsesStep,
  _at: StepAtHand,
  _steps: typeof runStep,
): Promise<StepEnd> {
  throw new GloveboxError("invalid_argument", `the action ${step.uses} cannot be run`);
}
