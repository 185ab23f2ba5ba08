import { GloveboxError } from "../../core/index.ts";
import type { runStep, StepAtHand, StepEnd } from "../runner/run-step.ts";
import type { Scope, StepResult } from "../runner/scope.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { CompositeRuns } from "../workflow/action.ts";
import type { LoadedAction } from "./load-action.ts";

/** How many actions may be within one another, as on GitHub. */
const MAX_DEPTH = 10;

/** Does the steps of a composite action one by one, in the environment of the step that uses it. It fails when one of them does; its outputs are worked out all the same. */
export async function runComposite(
  run: StepRun,
  at: StepAtHand,
  {
    action,
    runs,
    inputs,
  }: { readonly action: LoadedAction; readonly runs: CompositeRuns; readonly inputs: Readonly<Record<string, string>> },
  doStep: typeof runStep,
): Promise<StepEnd> {
  const { scope: outer, place, env } = at;
  if (outer.depth >= MAX_DEPTH) {
    throw new GloveboxError("invalid_argument", `Composite action depth exceeds max depth ${MAX_DEPTH}`);
  }
  const steps = new Map<string, StepResult>();
  let hasFailed = false;
  let isCancelled = false;
  const { folder, repository, ref } = action;
  const scope: Scope = {
    place,
    depth: outer.depth + 1,
    env,
    steps,
    status: {
      success: () => !hasFailed && !isCancelled,
      failure: () => hasFailed && !isCancelled,
      cancelled: () => isCancelled,
    },
    action: { inputs, folder, ...(repository !== undefined && { repository }), ...(ref !== undefined && { ref }) },
  };
  for (const [index, step] of runs.steps.entries()) {
    const { outcome, conclusion, outputs } = await doStep(run, step, scope, `${place}.${index + 1}`);
    hasFailed ||= conclusion === "failure";
    isCancelled ||= conclusion === "cancelled";
    if (step.id !== undefined) steps.set(step.id, { outputs, outcome, conclusion });
  }
  const github = run.github(scope, undefined);
  const inner = run.expressions(scope, { env, github });
  return {
    outcome: isCancelled ? "cancelled" : hasFailed ? "failure" : "success",
    outputs: await inner.texts(action.definition.outputs),
  };
}
