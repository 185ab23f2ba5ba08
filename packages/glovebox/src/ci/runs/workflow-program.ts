import { GloveboxError } from "../../core/index.ts";
import { defineProgram, type Program, type ProgramContext } from "../../engine/index.ts";
import { interpolate } from "../expressions/interpolate.ts";
import { fromVerbatim, toVerbatim, type Verbatim } from "../verbatim.ts";
import { fileReader } from "../workflow/read-files.ts";
import type { Workflow } from "../workflow/workflow.ts";
import { describe } from "./call-workflow.ts";
import { conclusionOf } from "./conclusion.ts";
import { endsOf, type Flow } from "./flow.ts";
import { githubContext } from "./github-context.ts";
import { jobKeys } from "./job-keys.ts";
import type { CiRepository } from "./ports.ts";
import {
  CI_WORKFLOW,
  type CiRunInput,
  type CiRunOutput,
  CiRunOutputSchema,
  isTicketOf,
  newRecord,
  RUN_KEY,
  runInputOf,
  type StoredRunInput,
  StoredRunInputSchema,
} from "./run-input.ts";
import { inGroup } from "./run-instance.ts";
import { queuedJobs, runJobs } from "./run-jobs.ts";
import { cancelJobs, type RunParts, RunState } from "./run-state.ts";

type Begun =
  | {
      readonly number: number;
      readonly createdAtMs: number;
      readonly atMs: number;
      /** Also because the journal sorts the keys of objects, and the order in which a matrix is written decides. */
      readonly workflow: Verbatim;
      readonly workflowName: string;
      /** Texts by name. */
      readonly vars: Verbatim;
      readonly repository?: CiRepository;
    }
  | { readonly problem: string; readonly number: number; readonly createdAtMs: number; readonly atMs: number };

/** Runs a workflow: its jobs side by side as they need one another, each in a sandbox of its own. */
export function workflowProgram(parts: RunParts, ticketKey: Buffer): Program<StoredRunInput, CiRunOutput> {
  return defineProgram({
    name: CI_WORKFLOW,
    version: "1",
    description: "Runs a GitHub workflow; started by webhooks, schedules and `glovebox ci run`.",
    input: StoredRunInputSchema,
    output: CiRunOutputSchema,
    run: (context, input) => runWorkflow(parts, ticketKey, context, input),
  });
}

async function runWorkflow(
  parts: RunParts,
  ticketKey: Buffer,
  context: ProgramContext,
  stored: StoredRunInput,
): Promise<CiRunOutput> {
  const { runId, tenantId } = context;
  const input = runInputOf(stored);
  const begun = await context.step("begin", {}, (_input, step) =>
    begin(parts, ticketKey, { id: step.runId, tenantId }, stored),
  );
  parts.keeper.begin({
    ...newRecord(
      { id: runId, tenantId, createdAtMs: begun.createdAtMs },
      input,
      "workflowName" in begun ? begun.workflowName : input.workflow.path,
    ),
    number: begun.number,
    status: "in_progress",
    startedAtMs: begun.atMs,
  });
  if ("problem" in begun) return finish(parts, context, "failure", begun.problem);
  const { number, repository } = begun;
  const workflow = fromVerbatim<Workflow>(begun.workflow);
  const vars = fromVerbatim<CiRunInput["vars"]>(begun.vars);
  const state = new RunState(parts, context, input, { vars: { ...vars, ...input.vars }, repository });
  const chosen = chooseJobs(workflow, input.job);
  if (chosen === undefined) return finish(parts, context, "failure", `the workflow has no job ${input.job}`);
  const github = githubContext(input, { id: runId, number, workflowName: workflow.name }, repository);
  const flow: Flow = {
    workflow: chosen,
    github,
    inputs: input.inputs,
    secrets: (environment) => secretsOf(state, environment),
    secretsAllowed: !input.event.isFork,
    permissions: workflow.permissions,
    keys: jobKeys(chosen),
    ends: endsOf(chosen),
    namePrefix: "",
    idPrefix: "",
    depth: 0,
    caller: undefined,
    callerNeeds: [],
    origin: undefined,
  };
  const title = titleOf(workflow, flow, state);
  parts.keeper.update(runId, (run) => ({ ...run, title, jobs: queuedJobs(flow) }));
  await context.waitAny(
    { jobs: (branch) => runAll(state, flow, branch), watch: (branch) => watch(state, branch) },
    { name: "run" },
  );
  const results = await Promise.all([...flow.ends.values()].map(({ promise }) => promise));
  const conclusion = conclusionOf(
    results.map(({ result }) => result),
    state.cancelled !== undefined,
  );
  return finish(parts, context, conclusion, state.cancelled);
}

/** Everything that is looked up once: the record with its number, the workflow as data, variables. */
async function begin(
  parts: RunParts,
  ticketKey: Buffer,
  run: { readonly id: string; readonly tenantId: string },
  stored: StoredRunInput,
): Promise<Begun> {
  const { tenantId } = run;
  if (!isTicketOf(ticketKey, tenantId, stored)) {
    throw new GloveboxError(
      "permission_denied",
      "workflows are run by `ci` operations, webhooks and schedules, and by nothing else",
    );
  }
  const input = runInputOf(stored);
  const atMs = parts.clock.nowMs();
  const { workflow, problems } = await fileReader.workflow(input.workflow);
  const record = newRecord({ ...run, createdAtMs: atMs }, input, workflow?.name ?? input.workflow.path);
  const { number, createdAtMs } = await parts.store.create(record);
  const known = { number, createdAtMs, atMs };
  const errors = problems.filter(({ severity }) => severity === "error");
  if (workflow === undefined || errors.length > 0) return { ...known, problem: describe(errors) };
  const { repositories } = parts;
  const { repositoryId } = input;
  const read = { ...known, workflowName: workflow.name, workflow: toVerbatim(workflow) };
  if (repositories === undefined || repositoryId === undefined) return { ...read, vars: toVerbatim({}) };
  const repository = await repositories.get(tenantId, repositoryId);
  if (repository === undefined) return { ...known, problem: "the repository was removed" };
  return { ...read, vars: toVerbatim(await repositories.variables(tenantId, repositoryId)), repository };
}

async function secretsOf(state: RunState, environment: string | undefined): Promise<Readonly<Record<string, string>>> {
  const { repositories, secrets } = state.parts;
  const { repositoryId } = state.input;
  const kept =
    repositories === undefined || repositoryId === undefined
      ? {}
      : await repositories.secrets(state.tenantId, repositoryId, environment);
  return { ...kept, ...(await secrets.of(state.tenantId, state.input.secretsId)) };
}

/** The jobs, once the workflow's concurrency group lets them. */
async function runAll(state: RunState, flow: Flow, branch: ProgramContext): Promise<void> {
  using _live = state.live(RUN_KEY, undefined);
  const contexts = { github: flow.github, inputs: flow.inputs, vars: { ...state.vars } };
  const outcome = await inGroup({ state, contexts, branch }, RUN_KEY, flow.workflow.concurrency, async () => {
    await runJobs(state, flow, branch);
    return { conclusion: "success", outputs: {}, steps: [] };
  });
  if (outcome.conclusion === "success") return;
  const reason = outcome.error ?? "cancelled";
  state.cancelled ??= reason;
  for (const [id, end] of flow.ends) {
    state.job(flow.keys.get(id) ?? id, (job) => ({
      ...job,
      status: "completed",
      conclusion: "cancelled",
      error: reason,
    }));
    end.resolve({ result: "cancelled", outputs: {} });
  }
}

/** Ends the run when somebody asks for it, or its time is over. Never ends by itself. */
async function watch(state: RunState, branch: ProgramContext): Promise<never> {
  for (;;) {
    const reason = await untilCancelled(state, branch);
    if (state.cancelled !== undefined) continue;
    state.cancelled = reason;
    await cancelJobs(branch, state, "cancel jobs", [], reason);
  }
}

async function untilCancelled(state: RunState, branch: ProgramContext): Promise<string> {
  const { runTimeoutMs } = state.input.settings;
  try {
    const payload = await branch.waitFor("cancel", state.cancelled === undefined ? { timeoutMs: runTimeoutMs } : {});
    const reason = typeof payload === "object" && payload !== null && "reason" in payload ? String(payload.reason) : "";
    return reason === "" ? "cancelled" : reason;
  } catch (error) {
    if (branch.signal.aborted || !(error instanceof GloveboxError) || error.code !== "timeout") throw error;
    return `the run took longer than ${runTimeoutMs / 60_000} minutes`;
  }
}

async function finish(
  parts: RunParts,
  context: ProgramContext,
  conclusion: CiRunOutput["conclusion"],
  error: string | undefined,
): Promise<CiRunOutput> {
  await context.step("finish", { conclusion, ...(error !== undefined && { error }) }, async (given) => {
    const endedAtMs = parts.clock.nowMs();
    await parts.keeper.finish(context.runId, (run) => ({ ...run, ...given, endedAtMs }));
    return { endedAtMs };
  });
  return { conclusion };
}

/** A job with all that it needs; `undefined` when there is no such job. Absent: all. */
function chooseJobs(workflow: Workflow, id: string | undefined): Workflow | undefined {
  if (id === undefined) return workflow;
  const chosen = new Set<string>();
  const open = [id];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const job = workflow.jobs.find((one) => one.id === next);
    if (job === undefined) return undefined;
    if (!chosen.has(next)) open.push(...job.needs);
    chosen.add(next);
  }
  return { ...workflow, jobs: workflow.jobs.filter((job) => chosen.has(job.id)) };
}

/** A `run-name` that cannot be evaluated is no reason not to run. */
function titleOf(workflow: Workflow, flow: Flow, state: RunState): string {
  if (workflow.runName === undefined) return workflow.name;
  try {
    const title = interpolate(workflow.runName, { github: flow.github, inputs: flow.inputs, vars: { ...state.vars } });
    return title.trim() === "" ? workflow.name : title.slice(0, 1000);
  } catch {
    return workflow.name;
  }
}
