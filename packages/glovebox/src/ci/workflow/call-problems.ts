import { isGloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import { bindInputs } from "./bind-inputs.ts";
import type { ReusableJob, Workflow, WorkflowProblem } from "./workflow.ts";

/**
 * What is wrong with a call of a reusable workflow, as far as it can be told before the run: values with expressions are taken as they will be.
 * Source: https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows#passing-inputs-and-secrets-to-a-reusable-workflow
 */
export function callProblems(caller: Workflow, job: ReusableJob, callee: Workflow): readonly WorkflowProblem[] {
  const problem = (message: string): WorkflowProblem => ({
    path: caller.path,
    ...job.position,
    message: `Job '${job.id}': ${message}`,
    severity: "error",
  });
  const { call } = callee.on;
  if (call === undefined)
    return [problem(`workflow_call key is not defined in the referenced workflow '${job.uses}'.`)];
  const found: WorkflowProblem[] = [];
  const inputs = Object.fromEntries(Object.entries(call.inputs).filter(([name]) => !isLater(job.with, name)));
  const given = Object.fromEntries(
    Object.entries(job.with).filter(([name, value]) => !isTemplated(value) || !hasName(call.inputs, name)),
  );
  try {
    bindInputs(withoutTemplatedDefaults(inputs), given as Readonly<Record<string, JsonValue>>);
  } catch (error) {
    if (!isGloveboxError(error, "invalid_argument")) throw error;
    found.push(problem(error.message));
  }
  if (job.secrets === "inherit") return found;
  for (const [name, { required }] of Object.entries(call.secrets)) {
    if (required && !hasName(job.secrets, name))
      found.push(problem(`Secret ${name} is required, but not provided while calling.`));
  }
  for (const name of Object.keys(job.secrets)) {
    if (!hasName(call.secrets, name))
      found.push(problem(`Invalid secret, ${name} is not defined in the referenced workflow.`));
  }
  return found;
}

type Inputs = NonNullable<Workflow["on"]["call"]>["inputs"];

function withoutTemplatedDefaults(inputs: Inputs): Inputs {
  const entries = Object.entries(inputs).map(
    ([name, input]) =>
      [name, isTemplated(input.default) ? { ...input, default: "", type: "string" as const } : input] as const,
  );
  return Object.fromEntries(entries);
}

function isTemplated(value: unknown): boolean {
  return typeof value === "string" && value.includes("${" + "{");
}

function isLater(given: ReusableJob["with"], name: string): boolean {
  return Object.entries(given).some(([key, value]) => key.toLowerCase() === name.toLowerCase() && isTemplated(value));
}

function hasName(record: Readonly<Record<string, unknown>>, name: string): boolean {
  return Object.keys(record).some((key) => key.toLowerCase() === name.toLowerCase());
}
