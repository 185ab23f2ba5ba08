import { type CiConclusion, GloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import { evaluateTemplated, interpolate } from "../expressions/interpolate.ts";
import type { JobOutcome } from "../runner/index.ts";
import { fromVerbatim, toVerbatim, type Verbatim } from "../verbatim.ts";
import { bindInputs } from "../workflow/bind-inputs.ts";
import { callProblems } from "../workflow/call-problems.ts";
import { fileReader } from "../workflow/read-files.ts";
import type { CallInterface, ReusableJob, Workflow, WorkflowProblem } from "../workflow/workflow.ts";
import { conclusionOf } from "./conclusion.ts";
import { endsOf, type Flow, type ReadSecrets, recordedNeeds } from "./flow.ts";
import type { Combination } from "./job-combinations.ts";
import { jobKeys } from "./job-keys.ts";
import { permissionsOf } from "./permissions-of.ts";
import type { InstanceWork } from "./run-instance.ts";
import { queuedJobs, runJobs } from "./run-jobs.ts";
import type { RunState } from "./run-state.ts";
import { MAX_WORKFLOW_BYTES } from "./sources.ts";
import { firstOfTar } from "./tar-files.ts";

/** "the top-level caller workflow and up to nine levels of reusable workflows": https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations#limitations-of-reusable-workflows */
const MAX_DEPTH = 9;
const LOCAL = /^\.\/(\.github\/workflows\/[^/]+\.ya?ml)$/;
const REMOTE = /^([^/@]+)\/([^/@]+)\/(\.github\/workflows\/[^/@]+\.ya?ml)@(.+)$/;

type Read =
  /** Also because the journal sorts the keys of objects, and the order in which a matrix is written decides. */
  { readonly workflow: Verbatim; readonly commit?: string } | { readonly problems: readonly WorkflowProblem[] };

/** Runs the workflow that a job calls; its jobs stand in the run in the caller's place. */
export async function callWorkflow(
  { state, flow, contexts, branch, job }: InstanceWork & { readonly job: ReusableJob },
  combination: Combination,
): Promise<JobOutcome> {
  if (flow.depth >= MAX_DEPTH) throw wrong(job, `workflows call one another more than ${MAX_DEPTH} deep`);
  const place = placeOf(flow, job);
  const read: Read = await branch.step("read workflow", { ...place }, async (given, step) => {
    const { text, commit } = await readWorkflow(state, given, step.signal);
    const { workflow, problems } = await fileReader.workflow({ path: given.path, text }, step.signal);
    const errors = problems.filter(({ severity }) => severity === "error");
    if (workflow === undefined || errors.length > 0) return { problems: errors };
    return { workflow: toVerbatim(workflow), ...(commit !== undefined && { commit }) };
  });
  if ("problems" in read) throw wrong(job, describe(read.problems));
  const { commit } = read;
  const workflow = fromVerbatim<Workflow>(read.workflow);
  const { call } = workflow.on;
  const problems = callProblems(flow.workflow, job, workflow);
  if (call === undefined || problems.length > 0) throw wrong(job, describe(problems));
  const given = Object.fromEntries(
    Object.entries(job.with).map(([name, value]) => [
      name,
      typeof value === "string" ? evaluateTemplated(value, contexts) : value,
    ]),
  );
  const inputs = bindInputs(call.inputs, given, { github: flow.github, vars: { ...state.vars } });
  const called: Flow = {
    workflow,
    github: flow.github,
    inputs,
    secrets: secretsFor(flow, job, { github: flow.github, inputs: flow.inputs, matrix: combination.matrix }),
    secretsAllowed: flow.secretsAllowed,
    permissions: permissionsOf(flow, job),
    keys: jobKeys(workflow, combination.key),
    ends: endsOf(workflow),
    namePrefix: `${flow.namePrefix}${combination.name} / `,
    idPrefix: `${flow.idPrefix}${job.id} / `,
    depth: flow.depth + 1,
    caller: combination.key,
    callerNeeds: recordedNeeds(flow, job),
    origin:
      place.owner === undefined
        ? flow.origin
        : { owner: place.owner, repo: place.repo ?? "", commit: commit ?? place.ref ?? "" },
  };
  state.parts.keeper.replaceJob(state.runId, combination.key, queuedJobs(called));
  await runJobs(state, called, branch);
  return outcomeOf(state, called, call);
}

interface Place {
  readonly path: string;
  readonly owner?: string;
  readonly repo?: string;
  readonly ref?: string;
}

function placeOf({ origin }: Flow, job: ReusableJob): Place {
  const local = LOCAL.exec(job.uses)?.[1];
  if (local !== undefined) {
    return origin === undefined
      ? { path: local }
      : { path: local, owner: origin.owner, repo: origin.repo, ref: origin.commit };
  }
  const [, owner, repo, path, ref] = REMOTE.exec(job.uses) ?? [];
  if (owner !== undefined && repo !== undefined && path !== undefined && ref !== undefined)
    return { path, owner, repo, ref };
  throw wrong(
    job,
    `${job.uses} names no workflow: it must be ./.github/workflows/FILE or OWNER/REPO/.github/workflows/FILE@REF`,
  );
}

async function readWorkflow(state: RunState, { path, owner, repo, ref }: Place, signal: AbortSignal) {
  const { sources, git } = state.parts;
  if (owner === undefined || repo === undefined || ref === undefined) {
    return { text: await sources.read(state.tenantId, state.input.source, path, signal), commit: undefined };
  }
  const what = `${owner}/${repo}/${path}@${ref}`;
  if (git === undefined) throw new GloveboxError("unavailable", `${what} cannot be fetched: this server has no git`);
  const { files, commit } = await git.action({ owner, repo, ref }, signal);
  return { text: await firstOfTar(files, (name) => name === path, MAX_WORKFLOW_BYTES, what), commit };
}

/** What a caller hands over is evaluated where the values are: in the step of a job that asks for them. */
function secretsFor(flow: Flow, job: ReusableJob, contexts: Readonly<Record<string, JsonValue>>): ReadSecrets {
  const { secrets } = job;
  if (secrets === "inherit") return flow.secrets;
  return async () => {
    const known = await flow.secrets(undefined);
    const values = Object.entries(secrets).map(([name, text]) => [
      name,
      interpolate(text, { ...contexts, secrets: { ...known } }),
    ]);
    return Object.fromEntries(values);
  };
}

async function outcomeOf(state: RunState, flow: Flow, call: CallInterface): Promise<JobOutcome> {
  const jobs: Record<string, JsonValue> = {};
  const results: CiConclusion[] = [];
  for (const [id, { promise }] of flow.ends) {
    const { result, outputs } = await promise;
    jobs[id] = { result, outputs: { ...outputs } };
    results.push(result);
  }
  const contexts = { github: flow.github, jobs, vars: { ...state.vars }, inputs: flow.inputs };
  const outputs = Object.fromEntries(
    Object.entries(call.outputs).map(([name, text]) => [name, interpolate(text, contexts)]),
  );
  return { conclusion: conclusionOf(results, state.endingReason(flow.caller) !== undefined), outputs, steps: [] };
}

/** Problems in one text, the first ones. */
export function describe(problems: readonly WorkflowProblem[]): string {
  return problems
    .slice(0, 10)
    .map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`)
    .join("\n");
}

function wrong(job: ReusableJob, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path: `jobs.${job.id}.uses` } });
}
