import { GloveboxError, toGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { RunSandbox, Sandboxes } from "../../runs/index.ts";
import { parseUses } from "../actions/action-reference.ts";
import { findBuiltIn } from "../actions/built-in.ts";
import { evaluateTemplated } from "../expressions/interpolate.ts";
import type { Step } from "../workflow/workflow.ts";
import { cancelledStep } from "./cancelled-step.ts";
import { doPost, doPre } from "./do-around.ts";
import { doStep } from "./do-step.ts";
import { finishJob } from "./finish-job.ts";
import { JobMemory } from "./job-memory.ts";
import { JobProgress } from "./job-progress.ts";
import type { JobHost, JobOutcome, JobRun } from "./job-run.ts";
import { placeOf, setUpJob } from "./set-up-job.ts";
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
  const services = host.storage !== undefined && runsPrograms(job) ? { services: true as const } : {};
  const spec = { name: key, template, snapshots, ...(isolation !== undefined && { isolation }), ...services };
  const refusal = refusalOf(job);
  if (refusal !== undefined) return { conclusion: "failure", outputs: {}, steps: [], error: refusal };
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
  const work = new JobWork(at);
  const first = await context.waitAny(
    {
      steps: (inner) => work.all(inner),
      cancel: (inner) => inner.waitFor(`cancel:${job.key}`),
      deadline: (inner) => inner.sleep(timeoutOf(job)),
    },
    { name: "job" },
  );
  if (first.key !== "steps") {
    if (first.key === "deadline") {
      const minutes = Math.round(timeoutOf(job) / 600) / 100;
      progress.error = `The job has exceeded the maximum execution time of ${minutes} minutes.`;
    }
    progress.isCancelled = true;
    await cancelledStep(context, at);
    await context.waitAny(
      { steps: (inner) => work.rest(inner), late: (inner) => inner.sleep(CLEAN_UP_MS) },
      { name: "clean up" },
    );
  }
  return finishJob(context, at);
}

/** What is left of a job. Each part is taken off as it begins, so that after a cancel the rest goes on behind the one that was interrupted. */
class JobWork {
  readonly #at: JobAtHand;
  readonly #steps: { readonly step: Step; readonly place: string }[];
  readonly #posts = new Set<string>();

  constructor(at: JobAtHand) {
    this.#at = at;
    this.#steps = at.job.job.steps.map((step, index) => ({ step, place: placeOf(index) }));
  }

  async all(context: ProgramContext): Promise<void> {
    if (!(await setUpJob(context, this.#at))) return;
    for (const pre of this.#at.progress.pres) await doPre(context, this.#at, pre);
    await this.rest(context);
  }

  async rest(context: ProgramContext): Promise<void> {
    for (let next = this.#steps.shift(); next !== undefined; next = this.#steps.shift()) {
      await this.#one(context, next.step, next.place);
    }
    const posts = this.#at.progress.posts.filter(({ place }) => !this.#posts.has(place));
    for (const post of posts) {
      this.#posts.add(post.place);
      await doPost(context, this.#at, post);
    }
  }

  async #one(context: ProgramContext, step: Step, place: string): Promise<void> {
    const { progress } = this.#at;
    const name = nameOf(step);
    // What needs no look at secrets or files costs no entry in the journal.
    if (step.if === undefined && !progress.status.success()) {
      return progress.endWithout({ name, conclusion: "skipped", ...(step.id !== undefined && { id: step.id }) });
    }
    progress.begin(name, step.id);
    progress.end(await doStep(context, this.#at, step, place));
  }
}

/** Whether actions that are not built in may run programs, which may want artifacts and caches. */
function runsPrograms({ job }: JobRun): boolean {
  return job.steps.some((step) => {
    if (step.kind !== "uses") return false;
    const used = parseUses(step.uses);
    return used.kind === "local" || (used.kind === "repository" && findBuiltIn(used) === undefined);
  });
}

/** Why a job cannot be run at all. */
function refusalOf({ job }: JobRun): string | undefined {
  const wish = job.container !== undefined ? "container" : job.services !== undefined ? "services" : undefined;
  if (wish === undefined) return undefined;
  return `The job asks for '${wish}': sandboxes here are made from templates, not from images of containers`;
}

function timeoutOf({ job, limits, contexts }: JobRun): number {
  const { timeoutMinutes } = job;
  if (typeof timeoutMinutes === "number") return Math.ceil(timeoutMinutes * 60_000);
  if (timeoutMinutes !== undefined) return timeoutFrom(timeoutMinutes, contexts);
  return limits?.jobTimeoutMs ?? JOB_TIMEOUT_MS;
}

/** Errors: `invalid_argument`. */
function timeoutFrom(text: string, contexts: JobRun["contexts"]): number {
  const minutes = Number(evaluateTemplated(text, contexts));
  if (Number.isFinite(minutes) && minutes > 0) return Math.ceil(minutes * 60_000);
  throw new GloveboxError("invalid_argument", `the job's timeout-minutes is '${text}', which is no number above 0`);
}
