import { convertConcurrency } from "@actions/workflow-parser/model/converter/concurrency";
import { convertOn } from "@actions/workflow-parser/model/converter/events";
import { convertJobs } from "@actions/workflow-parser/model/converter/jobs";
import { isMapping } from "@actions/workflow-parser/templates/tokens/type-guards";
import { checkInjection } from "./check-injection.ts";
import { checkMatrices } from "./check-matrices.ts";
import { checkScripts } from "./check-scripts.ts";
import { omitUndefined } from "./omit-undefined.ts";
import { Problems } from "./problems.ts";
import { readJob } from "./read-job.ts";
import { readConcurrency, readDefaults, readPermissions } from "./read-settings.ts";
import { copyErrors, readTemplate, type Template } from "./read-template.ts";
import { readTriggers } from "./read-triggers.ts";
import { checked, type TemplateToken, TokenReader } from "./token-reader.ts";
import type { Workflow, WorkflowProblem } from "./workflow.ts";

/**
 * Reads a workflow file by GitHub's own schema and rules. The workflow is there exactly when no problem is an error.
 * Never throws for what stands in the file; bounded in size (1 MiB), nesting (50), values (20,000) and jobs (1,000).
 */
export function parseWorkflow(file: { readonly path: string; readonly text: string }): {
  workflow?: Workflow;
  problems: readonly WorkflowProblem[];
} {
  const problems = new Problems(file.path);
  const template = readTemplate("workflow", file.text, problems);
  if (template === undefined) return { problems: problems.list() };
  if (!isMapping(template.root)) {
    problems.add("A workflow must be a mapping", template.root);
    return { problems: problems.list() };
  }
  const fields = new TokenReader(template, problems).fields(template.root);
  checkByLibrary(template, fields, problems);
  if (problems.hasErrors) return { problems: problems.list() };
  const workflow = readWorkflow(new TokenReader(template, problems), fields, file.path);
  return problems.hasErrors ? { problems: problems.list() } : { workflow, problems: problems.list() };
}

/** What the schema cannot say and GitHub's converters check: ids, needs, conditions, inputs, crons. */
function checkByLibrary({ context }: Template, fields: ReadonlyMap<string, TemplateToken>, problems: Problems): void {
  if (context.errors.count === 0) {
    const [on, jobs, concurrency] = [fields.get("on"), fields.get("jobs"), fields.get("concurrency")];
    if (on !== undefined) checked(problems, on, () => convertOn(context, on));
    if (jobs !== undefined) checkJobs(context, jobs, problems);
    if (concurrency !== undefined) checked(problems, concurrency, () => convertConcurrency(context, concurrency));
  }
  copyErrors(context, problems);
}

/** The library's check of `needs` takes time with the square of their number. */
const MAX_JOBS = 1_000;

function checkJobs(context: Template["context"], jobs: TemplateToken, problems: Problems): void {
  if (isMapping(jobs) && jobs.count > MAX_JOBS) problems.add(`A workflow can have at most ${MAX_JOBS} jobs`, jobs);
  else checked(problems, jobs, () => convertJobs(context, jobs));
}

function readWorkflow(tokens: TokenReader, fields: ReadonlyMap<string, TemplateToken>, path: string): Workflow {
  const concurrency = fields.get("concurrency");
  const permissions = fields.get("permissions");
  const jobs = [...tokens.fields(fields.get("jobs"))].map(([id, job]) => {
    const steps = tokens.fields(job).get("steps");
    checkInjection(tokens, steps);
    checkScripts(tokens, steps);
    return readJob(tokens, id, job);
  });
  checkMatrices(tokens, jobs);
  return {
    path,
    name: tokens.optionalText(fields.get("name")) || path,
    ...omitUndefined({
      runName: tokens.optionalText(fields.get("run-name")),
      permissions: permissions && readPermissions(tokens, permissions),
      concurrency: concurrency && readConcurrency(tokens, concurrency),
    }),
    on: readTriggers(tokens, fields.get("on")),
    env: tokens.env(fields.get("env")),
    defaults: readDefaults(tokens, fields.get("defaults")),
    jobs,
  };
}
