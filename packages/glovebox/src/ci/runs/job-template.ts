import { GloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { interpolate } from "../expressions/interpolate.ts";
import { fromVerbatim, toVerbatim } from "../verbatim.ts";
import type { StepsJob } from "../workflow/workflow.ts";
import type { RunState } from "./run-state.ts";
import { templateFor } from "./runs-on.ts";

/** What a job is run in, and with what. */
export interface JobRunner {
  readonly template: string;
  readonly environment: string | undefined;
  /** Those of its environment too. */
  readonly vars: Readonly<Record<string, string>>;
}

/** `invalid_argument` when `runs-on` maps to nothing; the same for what needs images of containers. */
export async function runnerOf({
  state,
  job,
  contexts,
  branch,
}: {
  readonly state: RunState;
  readonly job: StepsJob;
  readonly contexts: Contexts;
  readonly branch: ProgramContext;
}): Promise<JobRunner> {
  refuse(job.container, "container");
  refuse(job.services, "services");
  const labels = { ...state.input.settings.labels, ...lowerKeys(state.repository?.labels ?? {}) };
  const template = templateFor(job.runsOn, contexts, labels);
  const name = job.environment === undefined ? "" : interpolate(job.environment.name, contexts);
  if (name === "") return { template, environment: undefined, vars: state.vars };
  const { repositories } = state.parts;
  const { repositoryId } = state.input;
  if (repositories === undefined || repositoryId === undefined)
    return { template, environment: name, vars: state.vars };
  const read = await branch.step("environment", { name }, async (given) =>
    toVerbatim(await repositories.variables(state.tenantId, repositoryId, given.name)),
  );
  const vars = fromVerbatim<Readonly<Record<string, string>>>(read);
  return { template, environment: name, vars: { ...vars, ...state.input.vars } };
}

function lowerKeys(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).map(([label, template]) => [label.toLowerCase(), template]));
}

function refuse(given: unknown, what: "container" | "services"): void {
  if (given === undefined || given === null) return;
  const hint = "put what the image holds into a template, and map a label of runs-on to it";
  throw new GloveboxError("invalid_argument", `the job names ${what}, and images of containers cannot be run here`, {
    details: { path: what, hint },
  });
}
