import { type CiStep, toGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { interpolate } from "../expressions/interpolate.ts";
import { type JobOutcome, type JobRun, runJob, type StepAtWork, type StepOutcome } from "../runner/index.ts";
import type { Concurrency, Job, StepsJob } from "../workflow/workflow.ts";
import { callWorkflow } from "./call-workflow.ts";
import type { Flow, JobEnd } from "./flow.ts";
import { booleanOf, type Combination } from "./job-combinations.ts";
import { jobHost } from "./job-host.ts";
import type { SlotAsk } from "./job-slots.ts";
import { runnerOf } from "./job-template.ts";
import type { RunState } from "./run-state.ts";

/** A job with all that it can be run by. */
export interface InstanceWork {
  readonly state: RunState;
  readonly flow: Flow;
  readonly job: Job;
  readonly contexts: Contexts;
  readonly branch: ProgramContext;
}

/** Runs one combination of a job: waits for its concurrency group and its turn, and ends it whatever happens. */
export async function runInstance(work: InstanceWork, combination: Combination): Promise<JobEnd> {
  const { state, job, branch } = work;
  const { key } = combination;
  const contexts = { ...work.contexts, matrix: combination.matrix, strategy: combination.strategy };
  using _live = state.live(key, work.flow.caller);
  let outcome: JobOutcome;
  let continues = false;
  try {
    continues = booleanOf(job.continueOnError ?? false, contexts, "continue-on-error");
    outcome = await inGroup({ ...work, contexts }, key, job.concurrency, () =>
      job.kind === "reusable"
        ? callWorkflow({ ...work, contexts, job }, combination)
        : inTurn({ state, branch }, key, (startedAtMs) =>
            runSteps({ ...work, contexts, job }, combination, startedAtMs),
          ),
    );
  } catch (error) {
    if (branch.signal.aborted) throw error;
    outcome = { conclusion: "failure", outputs: {}, steps: [], error: toGloveboxError(error).message };
  }
  return ended(state, key, outcome, continues);
}

function ended(state: RunState, key: string, outcome: JobOutcome, continues: boolean): JobEnd {
  const { conclusion, outputs, steps, error, environmentUrl } = outcome;
  const isContinued = continues && conclusion === "failure";
  state.job(key, (job) => {
    const endedAtMs = endOf(steps) ?? job.startedAtMs;
    const { waitsFor: _nothing, ...rest } = job;
    return {
      ...rest,
      status: "completed",
      conclusion,
      ...(isContinued && { continued: true }),
      outputs,
      steps,
      ...(endedAtMs !== undefined && { endedAtMs }),
      ...(error !== undefined && { error }),
      ...(job.environment !== undefined &&
        environmentUrl !== undefined && { environment: { ...job.environment, url: environmentUrl } }),
    };
  });
  return { result: isContinued ? "success" : conclusion, outputs };
}

function endOf(steps: readonly StepOutcome[]): number | undefined {
  const ends = steps.flatMap(({ startedAtMs, durationMs = 0 }) =>
    startedAtMs === undefined ? [] : [startedAtMs + durationMs],
  );
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** What a job that was told to end while it waited comes to. */
function cancelledWhile(what: string, signal: unknown): JobOutcome {
  const given = typeof signal === "object" && signal !== null && "reason" in signal ? String(signal.reason) : "";
  return {
    conclusion: "cancelled",
    outputs: {},
    steps: [],
    error: given === "" ? `cancelled while it ${what}` : given,
  };
}

/** Does the work while the job is in its concurrency group. */
export async function inGroup(
  { state, contexts, branch }: Pick<InstanceWork, "state" | "contexts" | "branch">,
  key: string,
  concurrency: Concurrency | undefined,
  work: () => Promise<JobOutcome>,
): Promise<JobOutcome> {
  if (concurrency === undefined) return work();
  const group = groupName(state, interpolate(concurrency.group, contexts));
  const cancelInProgress = booleanOf(concurrency.cancelInProgress, contexts, "concurrency.cancel-in-progress");
  const who = { tenantId: state.tenantId, runId: state.runId, jobKey: key };
  const { groups } = state.parts;
  const leave = () =>
    branch.step("leave group", { group }, async (given) => void (await groups.leave(who, given.group)));
  const place = await branch.step("enter group", { group, cancelInProgress }, (given) =>
    groups.enter(who, given.group, given.cancelInProgress),
  );
  if (place === "pending") {
    state.job(key, (job) => ({ ...job, waitsFor: "concurrency" }));
    const first = await branch.waitAny(
      { go: (one) => one.waitFor(`group:${key}`), cancel: (one) => one.waitFor(`cancel:${key}`) },
      { name: "wait for group" },
    );
    if (first.key === "cancel") {
      await leave();
      return cancelledWhile("waited for its concurrency group", first.value);
    }
  }
  try {
    return await work();
  } finally {
    if (!branch.signal.aborted) await leave();
  }
}

/** Groups are a repository's own. */
export function groupName(state: RunState, group: string): string {
  return JSON.stringify([state.input.repositoryId ?? state.input.repository, group.toLowerCase()]);
}

/** Does the work once the job has its turn, and gives the turn back. */
async function inTurn(
  { state, branch }: Pick<InstanceWork, "state" | "branch">,
  key: string,
  work: (startedAtMs: number) => Promise<JobOutcome>,
): Promise<JobOutcome> {
  const { slots, clock } = state.parts;
  const ownerLimit = state.repository?.maxConcurrentJobs;
  const ask: SlotAsk = {
    tenantId: state.tenantId,
    runId: state.runId,
    key,
    owner: state.input.repositoryId ?? `${state.tenantId}/${state.input.repository}`,
    ...(ownerLimit !== undefined && { ownerLimit }),
  };
  const asked = await branch.step("turn", { key }, () => ({ taken: slots.tryTake(ask), atMs: clock.nowMs() }));
  let startedAtMs = asked.atMs;
  if (!asked.taken) {
    state.job(key, (job) => ({ ...job, waitsFor: "queue" }));
    slots.want(ask);
    const first = await branch.waitAny(
      { turn: (one) => one.waitFor(`turn:${key}`), cancel: (one) => one.waitFor(`cancel:${key}`) },
      { name: "wait for turn" },
    );
    if (first.key === "cancel") {
      slots.release(ask);
      return cancelledWhile("waited for its turn", first.value);
    }
    startedAtMs = (first.value as { readonly atMs: number }).atMs;
  }
  slots.hold(ask);
  try {
    state.job(key, ({ waitsFor: _nothing, ...job }) => ({ ...job, status: "in_progress", startedAtMs }));
    return await work(startedAtMs);
  } finally {
    slots.release(ask);
  }
}

async function runSteps(
  { state, flow, job, contexts, branch }: InstanceWork & { readonly job: StepsJob },
  combination: Combination,
  startedAtMs: number,
): Promise<JobOutcome> {
  const { key, name, matrix, strategy } = combination;
  const { workflow } = flow;
  const { template, environment, vars } = await runnerOf({ state, job, contexts, branch });
  if (environment !== undefined) state.job(key, (one) => ({ ...one, environment: { name: environment } }));
  const run: JobRun = {
    key,
    name: flow.namePrefix + name,
    job,
    workflow: { name: workflow.name, path: workflow.path, env: workflow.env, defaults: workflow.defaults },
    contexts: {
      github: { ...flow.github, job: job.id },
      vars,
      inputs: flow.inputs,
      matrix,
      strategy,
      needs: (contexts.needs ?? {}) as JobRun["contexts"]["needs"],
    },
    template,
    snapshots: state.input.settings.snapshots,
    secretsAllowed: flow.secretsAllowed,
    limits: limitsOf(state),
  };
  const host = jobHost(state, flow, { job, environment });
  const tell = (steps: readonly StepOutcome[], current?: StepAtWork) => {
    state.job(key, (one) => ({
      ...one,
      startedAtMs,
      steps: [...steps, ...(current === undefined ? [] : [running(current)])],
    }));
  };
  return runJob(branch, state.parts.sandboxes, run, {
    ...host,
    progress: (_run, steps, current) => tell(steps, current),
  });
}

function running(current: StepAtWork): CiStep {
  return { ...current, outputs: {}, annotations: [] };
}

function limitsOf(state: RunState): NonNullable<JobRun["limits"]> {
  const { stepTimeoutMs, jobTimeoutMs } = state.input.settings;
  return {
    ...(stepTimeoutMs !== undefined && { stepTimeoutMs }),
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs }),
  };
}
