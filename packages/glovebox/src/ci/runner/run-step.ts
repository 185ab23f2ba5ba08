import { posix } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { runUses } from "../actions/run-uses.ts";
import { isTruthy } from "../expressions/condition.ts";
import type { Templated } from "../expressions/contexts.ts";
import type { RunStep, Step } from "../workflow/workflow.ts";
import type { GithubContext, StepConclusion } from "./job-run.ts";
import { LAYOUT, stepFolder } from "./layout.ts";
import type { Scope } from "./scope.ts";
import { planShell } from "./shell.ts";
import type { StepExpressions } from "./step-expressions.ts";
import { nameOf, type StepRun } from "./step-run.ts";

/** What came of a step, or of a step within an action. */
export interface StepDone {
  readonly name: string;
  readonly outcome: StepConclusion;
  readonly conclusion: StepConclusion;
  readonly outputs: Readonly<Record<string, string>>;
}

/** A step that is to be done, with its expressions' world. */
export interface StepAtHand {
  readonly scope: Scope;
  /** Unique in the job: `3`, `3.1`. */
  readonly place: string;
  readonly name: string;
  readonly github: GithubContext;
  readonly expressions: StepExpressions;
  /** With the step's own `env`. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
}

/** What a part of a step gives: its outputs, and whether it failed. */
export type StepEnd = Pick<StepDone, "outcome" | "outputs">;

/** Does one step, if its `if` says so. What is wrong with the step itself is its failure; what is wrong with the machine rejects. */
export async function runStep(run: StepRun, step: Step, scope: Scope, place: string): Promise<StepDone> {
  const plainName = nameOf(step);
  const done = await attempt(run, async (): Promise<StepDone> => {
    const github = run.github(scope, step.id);
    const around = await run.environment(scope, github);
    const expressions = run.expressions(scope, { env: around, github });
    if (!(await expressions.condition(step.if))) {
      return { name: plainName, outcome: "skipped", conclusion: "skipped", outputs: {} };
    }
    const env = { ...around, ...(await expressions.texts(step.env)) };
    const own = expressions.with({ env });
    const name = step.name === undefined ? plainName : await own.text(step.name);
    const limit = (await own.minutesAsMs(step.timeoutMinutes)) ?? run.job.limits?.stepTimeoutMs;
    const at: StepAtHand = { scope, place, name, github, expressions: own, env, timeoutMs: limit };
    const end = await attempt(run, () =>
      step.kind === "run" ? runScript(run, step, at) : runUses(run, step, at, runStep),
    );
    const goesOn = end.outcome === "failure" && (await continues(own, step.continueOnError));
    return { name, ...end, conclusion: goesOn ? "success" : end.outcome };
  });
  return "name" in done ? done : { name: plainName, ...done, conclusion: done.outcome };
}

/** A fault of the step is its failure. */
async function attempt<T extends StepEnd>(run: StepRun, work: () => Promise<T>): Promise<T | StepEnd> {
  try {
    return await work();
  } catch (error) {
    if (run.bench.signal.aborted || !isTheSteps(error)) throw error;
    run.fail(error);
    return { outcome: "failure", outputs: {} };
  }
}

async function runScript(run: StepRun, step: RunStep, at: StepAtHand): Promise<StepEnd> {
  const { scope, place, expressions, env, github, timeoutMs } = at;
  const folder = stepFolder(place);
  const { defaults } = run.job.job;
  const outer = run.job.workflow.defaults;
  const isOfJob = scope.action === undefined;
  const textOf = async (own: Templated | undefined, inherited: Templated | undefined) => {
    const text = own ?? (isOfJob ? inherited : undefined);
    return text === undefined ? undefined : expressions.text(text);
  };
  const shell = await textOf(step.shell, defaults.shell ?? outer.shell);
  const cwd = await textOf(step.workingDirectory, defaults.workingDirectory ?? outer.workingDirectory);
  const { extension, programs, args, script } = planShell(shell, await expressions.text(step.run));
  const file = `script${extension}`;
  const plan = {
    files: { [file]: script },
    programs,
    args: args.map((arg) => arg.replaceAll("{0}", `${folder}/${file}`)),
    cwd: posix.resolve(LAYOUT.workspace, cwd ?? "."),
    env,
    timeoutMs,
  };
  return run.process(place, plan, github);
}

async function continues(expressions: StepExpressions, given: Templated | boolean | undefined): Promise<boolean> {
  return typeof given === "string" ? isTruthy(await expressions.value(given)) : given === true;
}

/** Codes of what a workflow, an action or a sandboxed program does wrong. */
const OF_STEPS = new Set([
  "invalid_argument",
  "invalid_path",
  "not_found",
  "already_exists",
  "permission_denied",
  "policy_denied",
  "payload_too_large",
  "resource_exhausted",
  "not_supported_by_isolation",
  "language_unavailable",
  "forge_unavailable",
  "test_failed",
]);

/** Whether an error is a fault of the step, not of the machine. */
export function isTheSteps(error: unknown): boolean {
  return error instanceof GloveboxError && OF_STEPS.has(error.code);
}
