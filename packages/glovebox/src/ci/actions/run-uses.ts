import { GloveboxError } from "../../core/index.ts";
import type { runStep, StepAtHand, StepEnd } from "../runner/run-step.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { UsesStep } from "../workflow/workflow.ts";
import { bindActionInputs } from "./action-inputs.ts";
import { parseUses, type Used } from "./action-reference.ts";
import { findBuiltIn } from "./built-in.ts";
import { type LoadedAction, loadLocal, loadRemote } from "./load-action.ts";
import { runComposite } from "./run-composite.ts";
import { runNode } from "./run-node.ts";

/** Does a step that uses an action. `doStep` does the steps of one that is made of steps. */
export async function runUses(run: StepRun, step: UsesStep, at: StepAtHand, doStep: typeof runStep): Promise<StepEnd> {
  const used = parseUses(step.uses);
  const builtIn = findBuiltIn(used);
  if (builtIn !== undefined) {
    const inputs = await bindActionInputs(run, step, builtIn.inputs, at.expressions);
    return builtIn.run(run, at, inputs, used);
  }
  const action = await load(run, used);
  const { runs, inputs: declared } = action.definition;
  if (runs.kind === "docker") throw noContainers(`the action '${step.uses}' is a container`);
  const inputs = await bindActionInputs(run, step, declared, at.expressions);
  if (runs.kind === "composite") return runComposite(run, at, { action, runs, inputs }, doStep);
  return runNode(run, at, { action, runs, inputs });
}

async function load(run: StepRun, used: Used): Promise<LoadedAction> {
  switch (used.kind) {
    case "local":
      return loadLocal(run.bench, used.path);
    case "repository":
      return loadRemote(run.bench, run.host, used);
    case "image":
      throw noContainers(`docker://${used.image} is an image`);
  }
}

export function noContainers(what: string): GloveboxError {
  const message = `${what}: sandboxes here are made from templates, not from images of containers`;
  return new GloveboxError("not_supported_by_isolation", message);
}
