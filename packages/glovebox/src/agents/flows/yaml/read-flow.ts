import { checkFlow, type KnownAgents } from "./check-flow.ts";
import { checkShape } from "./check-shape.ts";
import type { FlowFile, InputField } from "./flow-file.ts";
import { type FlowProblem, type LocatedYaml, type Path, readYaml } from "./located-yaml.ts";
import { BudgetFields, FLOW_SCHEMA } from "./schema.ts";
import { StepReader } from "./step-reader.ts";

/** Reads a flow and says all that is wrong with it; the flow is there exactly when nothing is. `agents`: those that there are; absent: names are not looked up. */
export function readFlow(
  text: string,
  agents?: KnownAgents,
): { readonly flow?: FlowFile; readonly problems: readonly FlowProblem[] } {
  const { yaml, problems } = readYaml(text);
  if (yaml === undefined) return { problems };
  const found: FlowProblem[] = [];
  const flow = fromYaml(yaml, found);
  if (flow !== undefined && found.length === 0) found.push(...checkFlow(flow, yaml, agents));
  const ordered = found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return flow === undefined || ordered.length > 0 ? { problems: ordered } : { flow, problems: [] };
}

function fromYaml(yaml: LocatedYaml, problems: FlowProblem[]): FlowFile | undefined {
  const given = checkShape(FLOW_SCHEMA, yaml.value, [], yaml, problems);
  if (given === undefined) return undefined;
  const reader = new StepReader(yaml, problems);
  const steps = reader.readSteps(given.steps, ["steps"]);
  const output = given.output === undefined ? undefined : reader.readTemplate(given.output, ["output"]);
  const { name, version = "1", description, repository = true, input = {} } = given;
  return {
    name,
    version: String(version),
    repository,
    steps,
    input: Object.fromEntries(
      Object.entries(input).map(([id, field]) => [id, inputField(field, ["input", id], yaml, problems)]),
    ),
    ...(description !== undefined && { description }),
    ...(given.budget !== undefined && { budget: BudgetFields.parse(given.budget) as NonNullable<FlowFile["budget"]> }),
    ...(output !== undefined && { output }),
  };
}

function inputField(
  field: string | { type: string; [key: string]: unknown },
  path: Path,
  yaml: LocatedYaml,
  problems: FlowProblem[],
): InputField {
  if (typeof field === "string") return { type: field as InputField["type"], required: true };
  const { required, ...rest } = field as unknown as Omit<InputField, "required"> & { required?: boolean };
  if (rest.default !== undefined && !isOfType(rest.default, rest.type)) {
    problems.push(yaml.problem(`the default is no ${rest.type}`, path, { key: "default" }));
  }
  return { ...rest, required: required ?? rest.default === undefined };
}

/** Whether a value of the input is of the type that its field declares. */
export function isOfType(value: unknown, type: InputField["type"]): boolean {
  if (type === "list") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
