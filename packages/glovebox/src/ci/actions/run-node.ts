import { posix } from "node:path";
import { LAYOUT } from "../runner/layout.ts";
import type { StepAtHand, StepEnd } from "../runner/run-step.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { NodeRuns } from "../workflow/action.ts";
import { inputVariables } from "./action-inputs.ts";
import type { LoadedAction } from "./load-action.ts";

/** Runs the main file of a JavaScript action under the sandbox's own Node, and sees to what it wants done after the job. */
export async function runNode(
  run: StepRun,
  at: StepAtHand,
  {
    action,
    runs,
    inputs,
  }: { readonly action: LoadedAction; readonly runs: NodeRuns; readonly inputs: Readonly<Record<string, string>> },
): Promise<StepEnd> {
  const { place } = at;
  if (runs.post !== undefined) {
    run.posts.push({
      kind: "node",
      place,
      name: at.name,
      folder: action.folder,
      file: runs.post,
      if: runs.postIf ?? "always()",
    });
    run.keepInputs(place, inputs);
  }
  return runFile(run, at, { action, inputs, file: runs.main });
}

/** Runs one file of an action: what runs before, the main one, or what runs after. */
export async function runFile(
  run: StepRun,
  at: Pick<StepAtHand, "place" | "env" | "github" | "timeoutMs"> & { readonly key?: string },
  {
    action,
    inputs,
    file,
  }: {
    readonly action: Pick<LoadedAction, "folder" | "repository" | "ref">;
    readonly inputs: Readonly<Record<string, string>>;
    readonly file: string;
  },
): Promise<StepEnd> {
  const { place, key = place, env, github, timeoutMs } = at;
  const { folder, repository, ref } = action;
  const state = Object.entries(run.state[place] ?? {}).map(([name, value]) => [`STATE_${name}`, value]);
  const plan = {
    files: {},
    programs: ["node"],
    args: [posix.join(folder, file)],
    cwd: LAYOUT.workspace,
    env: { ...env, ...inputVariables(inputs), ...Object.fromEntries(state), ...run.toolkit },
    timeoutMs,
  };
  const about = {
    ...github,
    ...(repository !== undefined && { action_repository: repository }),
    ...(ref !== undefined && { action_ref: ref }),
  };
  const { outcome, outputs, state: kept } = await run.process(key, plan, about);
  if (Object.keys(kept).length > 0) run.keepState(place, kept);
  return { outcome, outputs };
}
