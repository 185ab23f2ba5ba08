import { convertToIfCondition } from "@actions/workflow-parser/model/converter/if-condition";
import { isMapping, isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import type { ActionDefinition, CompositeRuns, DockerRuns, NodeRuns } from "./action.ts";
import { checkInjection } from "./check-injection.ts";
import { omitUndefined } from "./omit-undefined.ts";
import { Problems } from "./problems.ts";
import { readInputs } from "./read-inputs.ts";
import { readSteps } from "./read-step.ts";
import { copyErrors, readTemplate, type Template } from "./read-template.ts";
import { checked, type TemplateToken, TokenReader } from "./token-reader.ts";
import type { WorkflowProblem } from "./workflow.ts";

/**
 * Reads an action.yml as GitHub's runner does: fields that it does not know are let be. The action is there exactly when no problem is an
 * error. Bounds as of `parseWorkflow`.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
 */
export function parseAction(file: { readonly path: string; readonly text: string }): {
  action?: ActionDefinition;
  problems: readonly WorkflowProblem[];
} {
  const problems = new Problems(file.path);
  const template = readTemplate("action", file.text, problems);
  if (template === undefined) return { problems: problems.list() };
  if (!isMapping(template.root)) {
    problems.add("An action must be a mapping", template.root);
    return { problems: problems.list() };
  }
  copyErrors(template.context, problems);
  const tokens = new TokenReader(template, problems);
  const fields = tokens.fields(template.root);
  const runs = readRuns(tokens, template, fields.get("runs"));
  if (runs === undefined || problems.hasErrors) return { problems: problems.list() };
  const outputs = [...tokens.fields(fields.get("outputs"))].map(([name, value]) => {
    return [name, tokens.optionalText(tokens.fields(value).get("value")) ?? ""];
  });
  const action: ActionDefinition = {
    path: file.path,
    ...omitUndefined({
      name: tokens.optionalText(fields.get("name")),
      description: tokens.optionalText(fields.get("description")),
    }),
    inputs: readInputs(tokens, fields.get("inputs")),
    outputs: Object.fromEntries(outputs),
    runs,
  };
  return problems.hasErrors ? { problems: problems.list() } : { action, problems: problems.list() };
}

/** GitHub runs actions for Node 12 and 16 under Node 20: https://github.blog/changelog/2024-03-07-github-actions-all-actions-will-run-on-node20-instead-of-node16-by-default/ */
const NODE_VERSIONS: Readonly<Record<string, NodeRuns["version"]>> = {
  node12: "node20",
  node16: "node20",
  node20: "node20",
  node24: "node24",
};

function readRuns(
  tokens: TokenReader,
  template: Template,
  token: TemplateToken | undefined,
): ActionDefinition["runs"] | undefined {
  if (token === undefined) {
    tokens.problems.add("Required property is missing: runs", template.root);
    return undefined;
  }
  const fields = tokens.fields(token);
  const using = tokens.optionalText(fields.get("using"))?.toLowerCase();
  if (using === "composite") return readComposite(tokens, template, fields);
  if (using === "docker") return readDocker(tokens, token, fields);
  const version = using !== undefined && Object.hasOwn(NODE_VERSIONS, using) ? NODE_VERSIONS[using] : undefined;
  if (version !== undefined) return readNode(tokens, token, version, fields);
  const known = [...Object.keys(NODE_VERSIONS), "composite", "docker"].join(", ");
  tokens.problems.add(`'using: ${using ?? ""}' is not supported, use one of ${known}`, fields.get("using") ?? token);
  return undefined;
}

type Fields = ReadonlyMap<string, TemplateToken>;

function readComposite(tokens: TokenReader, template: Template, fields: Fields): CompositeRuns {
  const steps = fields.get("steps");
  if (steps !== undefined && isSequence(steps)) checkConditions(tokens, template, [...steps]);
  checkInjection(tokens, steps);
  return { kind: "composite", steps: readSteps(tokens, steps) };
}

function checkConditions(tokens: TokenReader, { context }: Template, steps: readonly TemplateToken[]): void {
  for (const step of steps) {
    const condition = tokens.fields(step).get("if");
    if (condition !== undefined) checked(tokens.problems, condition, () => convertToIfCondition(context, condition));
  }
  copyErrors(context, tokens.problems);
}

function readNode(
  tokens: TokenReader,
  token: TemplateToken,
  version: NodeRuns["version"],
  fields: Fields,
): NodeRuns | undefined {
  const main = fields.get("main");
  if (main === undefined) {
    tokens.problems.add("Required property is missing: main", token);
    return undefined;
  }
  const [preIf, postIf] = [fields.get("pre-if"), fields.get("post-if")];
  return {
    kind: "node",
    version,
    main: tokens.text(main),
    ...omitUndefined({
      pre: tokens.optionalText(fields.get("pre")),
      preIf: preIf && tokens.condition(preIf),
      post: tokens.optionalText(fields.get("post")),
      postIf: postIf && tokens.condition(postIf),
    }),
  };
}

function readDocker(tokens: TokenReader, token: TemplateToken, fields: Fields): DockerRuns | undefined {
  const image = fields.get("image");
  if (image === undefined) tokens.problems.add("Required property is missing: image", token);
  return image === undefined ? undefined : { kind: "docker", image: tokens.text(image) };
}
