import { isMapping, isSequence, isString } from "@actions/workflow-parser/templates/tokens/type-guards";
import { omitUndefined } from "./omit-undefined.ts";
import { readStrategy } from "./read-matrix.ts";
import { readConcurrency, readDefaults, readPermissions } from "./read-settings.ts";
import { readSteps } from "./read-step.ts";
import type { TemplateToken, TokenReader } from "./token-reader.ts";
import type { Job, RunsOn, StepsJob } from "./workflow.ts";

type Fields = ReadonlyMap<string, TemplateToken>;

export function readJob(tokens: TokenReader, id: string, token: TemplateToken): Job {
  const fields = tokens.fields(token);
  const condition = fields.get("if");
  const strategy = fields.get("strategy");
  const concurrency = fields.get("concurrency");
  const permissions = fields.get("permissions");
  const continueOnError = fields.get("continue-on-error");
  const base = {
    id,
    needs: [...new Set(tokens.list(fields.get("needs")))],
    ...omitUndefined({
      name: tokens.optionalText(fields.get("name")),
      if: condition && tokens.condition(condition),
      permissions: permissions && readPermissions(tokens, permissions),
      concurrency: concurrency && readConcurrency(tokens, concurrency),
      strategy: strategy && readStrategy(tokens, strategy),
      continueOnError: continueOnError && tokens.boolean(continueOnError),
    }),
    position: tokens.position(token),
  };
  const uses = fields.get("uses");
  return uses === undefined
    ? { ...base, ...stepsPart(tokens, fields) }
    : { ...base, ...reusablePart(tokens, uses, fields) };
}

type StepsPart = Omit<StepsJob, "id" | "needs" | "position">;

function stepsPart(tokens: TokenReader, fields: Fields): StepsPart {
  const runsOn = fields.get("runs-on");
  const timeout = fields.get("timeout-minutes");
  const environment = fields.get("environment");
  const snapshot = fields.get("snapshot");
  if (snapshot !== undefined)
    tokens.problems.add("'snapshot' (custom images of GitHub's runners) is not supported", snapshot);
  const container = fields.get("container");
  const services = fields.get("services");
  return {
    kind: "steps",
    runsOn: runsOn === undefined ? "" : readRunsOn(tokens, runsOn),
    env: tokens.env(fields.get("env")),
    defaults: readDefaults(tokens, fields.get("defaults")),
    outputs: tokens.record(fields.get("outputs")),
    steps: readSteps(tokens, fields.get("steps")),
    ...omitUndefined({
      timeoutMinutes: timeout && tokens.number(timeout),
      environment: environment && readEnvironment(tokens, environment),
      container: container && tokens.json(container),
      services: services && tokens.json(services),
    }),
  };
}

function readRunsOn(tokens: TokenReader, token: TemplateToken): RunsOn {
  if (isSequence(token)) return tokens.list(token);
  if (!isMapping(token)) return tokens.text(token);
  const fields = tokens.fields(token);
  const labels = fields.get("labels");
  return {
    labels: labels !== undefined && !isSequence(labels) ? tokens.text(labels) : tokens.list(labels),
    ...omitUndefined({ group: tokens.optionalText(fields.get("group")) }),
  };
}

function readEnvironment(tokens: TokenReader, token: TemplateToken): NonNullable<StepsJob["environment"]> {
  if (!isMapping(token)) return { name: tokens.text(token) };
  const fields = tokens.fields(token);
  return {
    name: tokens.optionalText(fields.get("name")) ?? "",
    ...omitUndefined({ url: tokens.optionalText(fields.get("url")) }),
  };
}

const LOCAL_WORKFLOW = /^\.\/\.github\/workflows\/[^/@]+\.ya?ml$/;
const REMOTE_WORKFLOW = /^[^/@\s]+\/[^/@\s]+\/\.github\/workflows\/[^/@\s]+\.ya?ml@\S+$/;

function reusablePart(tokens: TokenReader, token: TemplateToken, fields: Fields) {
  const uses = tokens.text(token);
  if (!LOCAL_WORKFLOW.test(uses) && !REMOTE_WORKFLOW.test(uses)) {
    const forms = "./.github/workflows/{file}.yml or {org}/{repo}/.github/workflows/{file}.yml@{ref}";
    tokens.problems.add(`Expected a workflow as ${forms}. Actual '${uses}'`, token);
  }
  const secrets = fields.get("secrets");
  const given = [...tokens.fields(fields.get("with"))].map(([name, value]) => [name, tokens.scalar(value)]);
  return {
    kind: "reusable" as const,
    uses,
    with: Object.fromEntries(given),
    secrets:
      secrets !== undefined && isString(secrets) && secrets.value === "inherit"
        ? ("inherit" as const)
        : tokens.record(secrets),
  };
}
