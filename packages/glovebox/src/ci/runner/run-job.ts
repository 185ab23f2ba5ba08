import { GloveboxError, toGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { RunSandbox, Sandboxes } from "../../runs/index.ts";
import type { Step } from "../workflow/workflow.ts";
import { cancelledStep } from "./cancelled-step.ts";
import { doStep } from "./do-step.ts";
import { finishJob } from "./finish-job.ts";
import { JobMemory } from "./job-memory.ts";
import { JobProgress } from "./job-progress.ts";
import type { JobHost, JobOutcome, JobRun } from "./job-run.ts";
import { nameOf } from "./step-run.ts";

/** What a job may take that names no `timeout-minutes`, as on GitHub. */
const JOB_TIMEOUT_MS = 360 * 60_000;
/** What steps that run although the job was cancelled may take together, as on GitHub. */
const CLEAN_UP_MS = 5 * 60_000;

/** What all parts of a job's run share. */
export interface JobAtHand {
  readonly job: JobRun;
  readonly host: JobHost;
  readonly sandbox: RunSandbox;
  readonly memory: JobMemory;
  readonly progress: JobProgress;
}

/**
 * Runs one job in a session of its own, to its end: a failed step is data, not an error. The signal `cancel:KEY` to the run, or the job's deadline, ends the step at work with all its
 * processes; then steps whose `if` says so and what actions do after the job are still done, for 5 minutes at most. Rejects only when the run itself ends.
 */
export async function runJob(
  context: ProgramContext,
  sandboxes: Sandboxes,
  job: JobRun,
  host: JobHost,
): Promise<JobOutcome> {
  const progress = new JobProgress(job, host);
  const { template, isolation, snapshots, key } = job;
  const spec = { name: key, template, snapshots, ...(isolation !== undefined && { isolation }) };
  try {
    return await sandboxes.use(context, spec, (sandbox) =>
      inSandbox(context, { job, host, sandbox, memory: new JobMemory(job, host), progress }),
    );
  } catch (error) {
    if (context.signal.aborted) throw error;
    progress.error = toGloveboxError(error).message;
    return { conclusion: progress.conclusion, outputs: {}, steps: progress.outcomes, error: progress.error };
  }
}

async function inSandbox(context: ProgramContext, at: JobAtHand): Promise<JobOutcome> {
  const { job, progress } = at;
  const remaining = [...job.job.steps];
  const first = await context.waitAny(
    {
      steps: (inner) => doSteps(inner, at, remaining),
      cancel: (inner) => inner.waitFor(`cancel:${job.key}`),
      deadline: (inner) => inner.sleep(timeoutOf(job)),
    },
    { name: "job" },
  );
  if (first.key !== "steps") {
    if (first.key === "deadline") {
      progress.error = `The job has exceeded the maximum execution time of ${Math.round(timeoutOf(job) / 60_000)} minutes.`;
    }
    progress.isCancelled = true;
    await cancelledStep(context, at);
    await context.waitAny(
      { steps: (inner) => doSteps(inner, at, remaining), late: (inner) => inner.sleep(CLEAN_UP_MS) },
      { name: "clean up" },
    );
  }
  return finishJob(context, at);
}

/** The steps that are left, then what actions do afterwards. Each is taken off the list as it begins. */
async function doSteps(context: ProgramContext, at: JobAtHand, remaining: Step[]): Promise<void> {
  for (let step = remaining.shift(); step !== undefined; step = remaining.shift()) await oneStep(context, at, step);
}

async function oneStep(context: ProgramContext, at: JobAtHand, step: Step): Promise<void> {
  const { progress } = at;
  const name = nameOf(step);
  // What needs no look at secrets or files costs no entry in the journal.
  if (step.if === undefined && !progress.status.success()) {
    return progress.endWithout({ name, conclusion: "skipped", ...(step.id !== undefined && { id: step.id }) });
  }
  progress.begin(name, step.id);
  progress.end(await doStep(context, at, step));
}

function timeoutOf({ job, limits }: JobRun): number {
  const { timeoutMinutes } = job;
  if (typeof timeoutMinutes === "number") return Math.ceil(timeoutMinutes * 60_000);
  if (timeoutMinutes !== undefined)
    throw new GloveboxError("invalid_argument", "the job's timeout-minutes is no number");
  return limits?.jobTimeoutMs ?? JOB_TIMEOUT_MS;
}
