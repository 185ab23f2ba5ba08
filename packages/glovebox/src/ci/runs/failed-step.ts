import { type CiJob, type CiRun, GloveboxError } from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";

/** Where a job failed, in the run's journal. */
export interface FailedStep {
  /** The path of the engine's step that did the failed work. */
  readonly path: string;
  /** The state after that step; absent when states were not kept. */
  readonly after?: { readonly sessionId: string; readonly snapshotId: string };
  /** Whether there is a state from before it. */
  readonly hasBefore: boolean;
}

/** Finds where a job's first failed step did its work. `conflict` when no step failed. */
export async function failedStepOf(engine: DurableEngine, run: CiRun, job: CiJob): Promise<FailedStep> {
  const failed = job.steps.find(({ outcome }) => outcome === "failure" || outcome === "cancelled");
  const executions = new Set(failed?.executionIds ?? []);
  if (failed === undefined || executions.size === 0) {
    throw new GloveboxError("conflict", `no step of ${job.name} has failed in its sandbox`, {
      details: { job: job.key, conclusion: job.conclusion ?? job.status },
    });
  }
  let path: string | undefined;
  let after: FailedStep["after"];
  let hasBefore = false;
  for await (const record of engine.journal(run.tenantId, run.id)) {
    const { type, step, payload } = record;
    if (type === "tool.called" && executions.has(String(payload.executionId))) path ??= step;
    if (type !== "snapshot.taken" || payload.sandbox !== job.key) continue;
    const kept = { sessionId: String(payload.sessionId), snapshotId: String(payload.snapshotId) };
    if (path === undefined) hasBefore = true;
    else if (step === path) after = kept;
  }
  if (path === undefined) throw new GloveboxError("not_found", "the journal of the run has lost what the step did");
  return { path, hasBefore, ...(after !== undefined && { after }) };
}

/** The job that is meant where none is named: the one that failed. */
export function failedJobOf(run: CiRun): CiJob {
  const [first, ...others] = run.jobs.filter(({ conclusion }) => conclusion === "failure");
  if (first === undefined) throw new GloveboxError("conflict", "no job of the run has failed");
  if (others.length === 0) return first;
  throw new GloveboxError("invalid_argument", "several jobs of the run have failed: say which", {
    details: { path: "job", keys: run.jobs.filter(({ conclusion }) => conclusion === "failure").map(({ key }) => key) },
  });
}

export function notKept(): GloveboxError {
  return new GloveboxError("conflict", "the states of the run's steps were not kept", {
    details: { hint: "set ci.snapshots to after_each_step; runs that begin then can be retried and looked into" },
  });
}
