import type { ProgramContext } from "../../engine/index.ts";
import { bindActionInputs } from "../actions/action-inputs.ts";
import { parseUses } from "../actions/action-reference.ts";
import { builtInNamed } from "../actions/built-in.ts";
import { loadRemote } from "../actions/load-action.ts";
import { runFile } from "../actions/run-node.ts";
import { recorded } from "./do-step.ts";
import type { JobAtHand } from "./run-job.ts";
import { isTheSteps, type StepDone, type StepEnd } from "./run-step.ts";
import type { Scope } from "./scope.ts";
import { type PreWork, placeOf } from "./set-up-job.ts";
import type { PostWork, StepRecord } from "./step-record.ts";
import { nameOf, type StepRun } from "./step-run.ts";

/** What an action does before the first step of the job, as a step of its own. */
export async function doPre(context: ProgramContext, at: JobAtHand, pre: PreWork): Promise<void> {
  const { progress, job } = at;
  const step = job.job.steps[pre.index];
  if (step?.kind !== "uses") return;
  const name = `Pre ${nameOf(step)}`;
  progress.begin(name);
  const record = await around(context, at, name, pre, async (run, scope) => {
    const used = parseUses(step.uses);
    if (used.kind !== "repository") return { outcome: "skipped", outputs: {} };
    const action = await loadRemote(run.bench, run.host, used);
    const { github, env, expressions } = await worldOf(run, scope, step.id);
    const inputs = await bindActionInputs(run, step, action.definition.inputs, expressions);
    const place = placeOf(pre.index);
    return runFile(
      run,
      { place, key: `${place}-pre`, env, github, timeoutMs: undefined },
      { action, inputs, file: pre.file },
    );
  });
  progress.end(record);
}

/** What an action does after the job's steps. */
export async function doPost(context: ProgramContext, at: JobAtHand, post: PostWork): Promise<void> {
  const { progress } = at;
  const name = `Post ${post.name}`;
  progress.begin(name);
  const { place } = post;
  const record = await around(context, at, name, post, async (run, scope) => {
    const { github, env } = await worldOf(run, scope, undefined);
    const inputs = run.inputs[place] ?? {};
    const key = `${place}-post`;
    const timeoutMs = run.job.limits?.stepTimeoutMs;
    if (post.kind === "node") {
      const { folder, file } = post;
      return runFile(run, { place, key, env, github, timeoutMs }, { action: { folder }, inputs, file });
    }
    const hasSucceeded = progress.status.success();
    const end = await builtInNamed(post.action)?.post?.(run, {
      place,
      key,
      env,
      github,
      timeoutMs,
      inputs,
      hasSucceeded,
    });
    return end ?? { outcome: "skipped", outputs: {} };
  });
  progress.end(record);
}

function around<Input extends PreWork | PostWork>(
  context: ProgramContext,
  at: JobAtHand,
  name: string,
  input: Input,
  work: (run: StepRun, scope: Scope) => Promise<StepEnd>,
): Promise<StepRecord> {
  return recorded(context, at, input, async (run, scope, given): Promise<StepDone> => {
    try {
      const { expressions } = await worldOf(run, scope, undefined);
      if ("if" in given && !(await expressions.condition(given.if))) {
        return { name, outcome: "skipped", conclusion: "skipped", outputs: {} };
      }
      const end = await work(run, scope);
      return { name, ...end, conclusion: end.outcome };
    } catch (error) {
      if (run.bench.signal.aborted || !isTheSteps(error)) throw error;
      run.fail(error);
      return { name, outcome: "failure", conclusion: "failure", outputs: {} };
    }
  });
}

async function worldOf(run: StepRun, scope: Scope, id: string | undefined) {
  const github = run.github(scope, id);
  const env = await run.environment(scope, github);
  return { github, env, expressions: run.expressions(scope, { env, github }) };
}
