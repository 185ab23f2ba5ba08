import type { CiAnnotation, CiJob, CiRun, CiStep } from "../../core/index.ts";
import type { CheckRunReport, StatusReport } from "../../forges/index.ts";
import { block, code, words } from "./markdown.ts";

/** Annotations of one job that are reported. */
const MAX_ANNOTATIONS = 1000;

/** What else is known of a job that failed. */
export interface JobDetails {
  /** The last lines that its failed step printed. */
  readonly lastLines: readonly string[];
  readonly url?: string;
}

/** Where results are shown: a pull request's head, not the merge that ran. */
export function headOf({ event }: CiRun): string {
  return event.headSha ?? event.sha;
}

/** The check run of a job, without its annotations: those are added batch by batch. */
export function checkRunOf(run: CiRun, job: CiJob, { lastLines, url }: JobDetails): CheckRunReport {
  return {
    name: `${run.workflow.name} / ${job.name}`.slice(0, 250),
    headSha: headOf(run),
    externalId: `${run.id}/${job.key}`,
    status: job.status,
    ...(job.status === "completed" && { conclusion: job.conclusion ?? "failure" }),
    ...(job.startedAtMs !== undefined && { startedAtMs: job.startedAtMs }),
    ...(job.status === "completed" && job.endedAtMs !== undefined && { completedAtMs: job.endedAtMs }),
    ...(url !== undefined && { detailsUrl: url }),
    title: titleOf(job),
    summary: summaryOf(job, lastLines),
    annotations: [],
  };
}

/** One status for a whole workflow; and one for each job where check runs cannot be written. */
export function workflowStatus(run: CiRun, url: string | undefined): StatusReport {
  const failed = run.jobs.filter(({ conclusion }) => conclusion === "failure").length;
  const done = run.jobs.filter(({ status }) => status === "completed").length;
  const description =
    run.status !== "completed"
      ? `${done} of ${run.jobs.length} jobs done`
      : run.conclusion === "success"
        ? `${run.jobs.length} jobs`
        : (run.error ?? `${run.conclusion ?? "failure"}: ${failed} of ${run.jobs.length} jobs failed`);
  return {
    sha: headOf(run),
    context: `glovebox / ${run.workflow.name}`,
    state: stateOf(run.status, run.conclusion),
    description,
    ...(url !== undefined && { targetUrl: url }),
  };
}

export function jobStatus(run: CiRun, job: CiJob, url: string | undefined): StatusReport {
  return {
    sha: headOf(run),
    context: `glovebox / ${run.workflow.name} / ${job.name}`,
    state: stateOf(job.status, job.conclusion),
    description: titleOf(job),
    ...(url !== undefined && { targetUrl: url }),
  };
}

/** What the job's steps remarked, and why steps failed that remarked nothing. */
export function annotationsOf(job: CiJob): readonly CiAnnotation[] {
  return job.steps
    .flatMap((step) => {
      const silent = step.annotations.length === 0 && step.error !== undefined;
      return silent ? [{ level: "error", message: step.error ?? "", title: step.name } as const] : step.annotations;
    })
    .slice(0, MAX_ANNOTATIONS);
}

function stateOf(status: CiRun["status"], conclusion: CiRun["conclusion"]): StatusReport["state"] {
  if (status !== "completed") return "pending";
  // A commit's status knows no other words: what did not run has not failed, and what was cancelled has not succeeded.
  if (conclusion === "success" || conclusion === "skipped") return "success";
  return conclusion === "cancelled" ? "error" : "failure";
}

function titleOf(job: CiJob): string {
  if (job.status === "queued")
    return job.waitsFor === "concurrency" ? "waits for its concurrency group" : "waits for its turn";
  if (job.status === "in_progress") return "runs";
  const failed = job.steps.find(({ outcome }) => outcome === "failure");
  if (job.conclusion === "failure" && failed !== undefined) return `failed: ${failed.name}`;
  return job.error ?? job.conclusion ?? "failure";
}

function summaryOf(job: CiJob, lastLines: readonly string[]): string {
  const parts: string[] = [];
  if (job.error !== undefined) parts.push(words(job.error));
  if (job.steps.length > 0)
    parts.push(["| step | result | time |", "| --- | --- | --- |", ...job.steps.map(row)].join("\n"));
  if (lastLines.length > 0) parts.push(`The end of the failed step's output:\n\n${block(lastLines)}`);
  // Markdown that the workflow itself wrote for this place.
  parts.push(...job.steps.flatMap(({ summary }) => (summary === undefined ? [] : [summary])));
  return parts.length === 0 ? titleOf(job) : parts.join("\n\n");
}

function row({ name, conclusion, exitCode, durationMs }: CiStep): string {
  const result = `${conclusion ?? "runs"}${exitCode !== undefined && exitCode !== 0 ? ` (${exitCode})` : ""}`;
  return `| ${code(name)} | ${result} | ${durationMs === undefined ? "" : secondsOf(durationMs)} |`;
}

export function secondsOf(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
