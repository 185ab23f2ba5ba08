import { type CiJob, toGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import { condition } from "../expressions/condition.ts";
import type { Job } from "../workflow/workflow.ts";
import { awaitNeeds, combine, type Flow, type JobEnd, jobContexts, recordedNeeds, statusOf } from "./flow.ts";
import { type Combination, combinationsOf } from "./job-combinations.ts";
import { runInstance } from "./run-instance.ts";
import { cancelJobs, type RunState } from "./run-state.ts";

/** Runs the jobs of a workflow, each once those that it needs have ended. A failed job is a result, never an error. */
export async function runJobs(state: RunState, flow: Flow, context: ProgramContext): Promise<void> {
  const branches = flow.workflow.jobs.map((job) => [
    job.id,
    async (branch: ProgramContext) => {
      const end = flow.ends.get(job.id);
      try {
        end?.resolve(await runJobOf(state, flow, job, branch));
      } finally {
        // A run that is ended from outside: whoever waits in memory must come to an end as well.
        end?.resolve({ result: "cancelled", outputs: {} });
      }
    },
  ]);
  await context.parallel(Object.fromEntries(branches), { name: "jobs" });
}

/** How a job is shown before it is known what it becomes. */
export function queuedJobs(flow: Flow): readonly CiJob[] {
  return flow.workflow.jobs.map((job) => ({
    key: flow.keys.get(job.id) ?? job.id,
    id: flow.idPrefix + job.id,
    // A name that depends on a matrix or on other jobs is told when these are.
    name: flow.namePrefix + (job.name?.includes("${{") === false ? job.name : job.id),
    matrix: {},
    needs: recordedNeeds(flow, job),
    status: "queued",
    outputs: {},
    steps: [],
  }));
}

async function runJobOf(state: RunState, flow: Flow, job: Job, branch: ProgramContext): Promise<JobEnd> {
  const key = flow.keys.get(job.id) ?? job.id;
  const before = await awaitNeeds(flow, job);
  try {
    const kept = state.input.kept?.[key];
    if (kept !== undefined) return keep(state, key, kept.conclusion, kept.outputs);
    const contexts = jobContexts(flow, job, before, state.vars);
    const ending = state.endingReason(flow.caller);
    if (!condition(job.if, contexts, statusOf(before, ending !== undefined))) {
      return conclude(state, key, ending === undefined ? "skipped" : "cancelled", ending);
    }
    const { combinations, strategy } = combinationsOf(job, key, contexts, state.input.matrix ?? {});
    if (combinations.length === 0) return conclude(state, key, "skipped", "its matrix has no combination");
    return await runCombinations({ state, flow, job, key, before }, combinations, strategy, branch);
  } catch (error) {
    if (branch.signal.aborted) throw error;
    return conclude(state, key, "failure", toGloveboxError(error).message);
  }
}

interface JobWork {
  readonly state: RunState;
  readonly flow: Flow;
  readonly job: Job;
  readonly key: string;
  readonly before: ReadonlyMap<string, JobEnd>;
}

async function runCombinations(
  work: JobWork,
  combinations: readonly Combination[],
  strategy: { readonly failFast: boolean; readonly maxParallel: number | undefined; readonly hasMatrix: boolean },
  branch: ProgramContext,
): Promise<JobEnd> {
  const { state, flow, job, key, before } = work;
  const contexts = jobContexts(flow, job, before, state.vars);
  state.parts.keeper.replaceJob(
    state.runId,
    key,
    combinations.map((one) => ({
      key: one.key,
      id: flow.idPrefix + job.id,
      name: flow.namePrefix + one.name,
      matrix: one.matrix,
      needs: recordedNeeds(flow, job),
      status: "queued",
      outputs: {},
      steps: [],
    })),
  );
  const [first] = combinations;
  if (!strategy.hasMatrix && first !== undefined) return runInstance({ state, flow, job, contexts, branch }, first);
  const ended: JobEnd[] = [];
  let failed: string | undefined;
  const one = (combination: Combination) => async (own: ProgramContext) => {
    const kept = state.input.kept?.[combination.key];
    if (kept !== undefined) {
      ended.push(keep(state, combination.key, kept.conclusion, kept.outputs));
      return;
    }
    if (failed !== undefined) {
      ended.push(conclude(state, combination.key, "cancelled", `${failed} of the same matrix failed`));
      return;
    }
    const end = await runInstance({ state, flow, job, contexts, branch: own }, combination);
    ended.push(end);
    if (end.result !== "failure" || !strategy.failFast || failed !== undefined) return;
    failed = combination.name;
    const others = combinations.map((other) => other.key).filter((other) => state.isLive(other));
    await cancelJobs(own, state, "fail fast", others, `${combination.name} of the same matrix failed`);
  };
  await branch.parallel(Object.fromEntries(combinations.map((each) => [each.key, one(each)])), {
    name: "matrix",
    ...(strategy.maxParallel !== undefined && { concurrency: strategy.maxParallel }),
  });
  return combine(ended);
}

/** Ends a job that no step was run of. */
function conclude(state: RunState, key: string, result: JobEnd["result"], error?: string): JobEnd {
  state.job(key, (job) => ({
    ...job,
    status: "completed",
    conclusion: result,
    ...(error !== undefined && { error }),
  }));
  return { result, outputs: {} };
}

function keep(state: RunState, key: string, result: JobEnd["result"], outputs: JobEnd["outputs"]): JobEnd {
  state.job(key, (job) => ({ ...job, status: "completed", conclusion: result, outputs, kept: true }));
  return { result, outputs };
}
