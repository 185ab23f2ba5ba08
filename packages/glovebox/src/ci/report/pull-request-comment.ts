import type { CiJob, CiRun } from "../../core/index.ts";
import { type JobDetails, secondsOf } from "./job-report.ts";
import { block, code, words } from "./markdown.ts";

/** The comment begins so, by which it is found again. */
export const COMMENT_MARKER = "<!-- glovebox:ci -->";

const SIGNS = { success: "✅", failure: "❌", cancelled: "🚫", skipped: "⏭️" } as const;
const MAX_JOBS = 100;
/** Of failed jobs whose output is shown. */
const MAX_SHOWN = 10;

export interface CommentedRun {
  readonly run: CiRun;
  /** By the job's key. */
  readonly details: ReadonlyMap<string, JobDetails>;
  readonly suggestions: readonly { readonly message: string }[];
  readonly url?: string;
}

/** The one comment of a pull request, about the newest runs of its head: a table of jobs, what failed, what might help. */
export function commentOf(headSha: string, runs: readonly CommentedRun[]): string {
  const parts = [COMMENT_MARKER, `**Glovebox** ran the workflows of ${headSha.slice(0, 12)}.`];
  for (const { run, details, suggestions, url } of runs) {
    const title = url === undefined ? words(run.workflow.name) : `[${words(run.workflow.name)}](${url})`;
    parts.push(`### ${signOf(run)} ${title}`);
    if (run.error !== undefined) parts.push(words(run.error));
    const shown = run.jobs.slice(0, MAX_JOBS);
    if (shown.length > 0)
      parts.push(["| job | result | failed step | time |", "| --- | --- | --- | --- |", ...shown.map(row)].join("\n"));
    if (run.jobs.length > MAX_JOBS) parts.push(`… and ${run.jobs.length - MAX_JOBS} more jobs`);
    const failed = run.jobs.filter(({ conclusion }) => conclusion === "failure");
    for (const job of failed.slice(0, MAX_SHOWN)) {
      const lines = details.get(job.key)?.lastLines ?? [];
      if (lines.length > 0)
        parts.push(`<details><summary>${words(job.name)}</summary>\n\n${block(lines)}\n\n</details>`);
    }
    if (suggestions.length > 0) parts.push(suggestions.map(({ message }) => `- 💡 ${words(message)}`).join("\n"));
  }
  return parts.join("\n\n");
}

function row(job: CiJob): string {
  const failed = job.steps.find(({ outcome }) => outcome === "failure");
  const { startedAtMs, endedAtMs } = job;
  const time = startedAtMs !== undefined && endedAtMs !== undefined ? secondsOf(endedAtMs - startedAtMs) : "";
  const exit = failed?.exitCode === undefined ? "" : ` (${failed.exitCode})`;
  return `| ${code(job.name)} | ${signOf(job)} ${job.conclusion ?? job.status} | ${failed === undefined ? "" : `${code(failed.name)}${exit}`} | ${time} |`;
}

function signOf({ status, conclusion }: Pick<CiJob, "status" | "conclusion">): string {
  if (status !== "completed") return "⏳";
  return SIGNS[conclusion ?? "failure"];
}
