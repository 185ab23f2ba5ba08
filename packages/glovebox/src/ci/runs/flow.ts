import type { CiConclusion } from "../../core/index.ts";
import type { Contexts, Functions } from "../expressions/contexts.ts";
import type { GithubContext } from "../runner/index.ts";
import type { Job, Permissions, Workflow } from "../workflow/workflow.ts";
import type { JsonObject } from "./run-input.ts";

/** How a job ended, as those that need it see it. */
export interface JobEnd {
  /** After `continue-on-error`. */
  readonly result: CiConclusion;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Gives the real values of secrets; only ever called within a step. */
export type ReadSecrets = (environment: string | undefined) => Promise<Readonly<Record<string, string>>>;

/** A workflow as it runs: the run's own, or one that a job of another calls. */
export interface Flow {
  readonly workflow: Workflow;
  readonly github: GithubContext;
  readonly inputs: JsonObject;
  readonly secrets: ReadSecrets;
  /** Whether its jobs may have secrets at all. */
  readonly secretsAllowed: boolean;
  /** The most that its jobs' tokens may do, where a caller says so. */
  readonly permissions: Permissions | undefined;
  readonly keys: ReadonlyMap<string, string>;
  /** How each of its jobs ended, once it has. */
  readonly ends: ReadonlyMap<string, PromiseWithResolvers<JobEnd>>;
  /** `caller / ` before the names of its jobs; empty for the run's own workflow. */
  readonly namePrefix: string;
  readonly idPrefix: string;
  /** How many workflows call one another down to this one; 0 for the run's own. */
  readonly depth: number;
  /** The key of the job that calls it; absent for the run's own workflow. */
  readonly caller: string | undefined;
  /** What that job needs, and what those need that call it: by the ids that the run's record has. */
  readonly callerNeeds: readonly string[];
  /** The repository and commit that it comes from, where that is not the run's own code. */
  readonly origin: { readonly owner: string; readonly repo: string; readonly commit: string } | undefined;
}

export function endsOf(workflow: Workflow): ReadonlyMap<string, PromiseWithResolvers<JobEnd>> {
  return new Map(workflow.jobs.map(({ id }) => [id, Promise.withResolvers<JobEnd>()]));
}

/** Waits for the jobs that a job needs, and gives them, with all that those need, by id. */
export async function awaitNeeds(flow: Flow, job: Job): Promise<ReadonlyMap<string, JobEnd>> {
  const all = new Map<string, JobEnd>();
  const open = [...job.needs];
  for (let id = open.shift(); id !== undefined; id = open.shift()) {
    const end = flow.ends.get(id);
    if (end === undefined || all.has(id)) continue;
    all.set(id, await end.promise);
    open.push(...(flow.workflow.jobs.find((other) => other.id === id)?.needs ?? []));
  }
  return all;
}

/**
 * The status functions of a job's `if`: they ask after everything that came before it, not only what it needs itself.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
 */
export function statusOf(before: ReadonlyMap<string, JobEnd>, isCancelled: boolean): Functions {
  const results = [...before.values()].map(({ result }) => result);
  return {
    status: {
      success: () => !isCancelled && results.every((result) => result === "success"),
      failure: () => !isCancelled && results.includes("failure"),
      cancelled: () => isCancelled,
    },
  };
}

/** What the expressions of a job, outside of its steps, can see. */
export function jobContexts(
  flow: Flow,
  job: Job,
  before: ReadonlyMap<string, JobEnd>,
  vars: Readonly<Record<string, string>>,
): Contexts & { readonly needs: JsonObject; readonly github: GithubContext; readonly inputs: JsonObject } {
  const needs = Object.fromEntries(
    job.needs.map((id) => {
      const { result = "skipped", outputs = {} } = before.get(id) ?? {};
      return [id, { result, outputs: { ...outputs } }];
    }),
  );
  return { github: flow.github, needs, vars: { ...vars }, inputs: flow.inputs };
}

/** What a job with a matrix came to, by its combinations, in the order in which these ended. */
export function combine(ends: readonly JobEnd[]): JobEnd {
  const results = ends.map(({ result }) => result);
  const result =
    (["failure", "cancelled", "success"] as const).find((one) => results.includes(one)) ?? ("skipped" as const);
  const outputs: Record<string, string> = {};
  // The last one that has something to say; an empty output takes nothing away.
  for (const end of ends) {
    for (const [name, value] of Object.entries(end.outputs)) {
      if (value !== "" || !Object.hasOwn(outputs, name)) outputs[name] = value;
    }
  }
  return { result, outputs };
}

/** What a job needs, its workflow's callers included, by the ids that the run's record has. */
export function recordedNeeds(flow: Flow, job: Job): readonly string[] {
  return [...flow.callerNeeds, ...job.needs.map((id) => flow.idPrefix + id)];
}
