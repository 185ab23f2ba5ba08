import type { CiConclusion, CiJob, CiRun, CiStep } from "@glovebox/sdk";
import type { Colours } from "./colours.ts";
import { printableLine } from "./printable.ts";
import { durationText } from "./units.ts";

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export interface CiTreeStyle {
  readonly colours: Colours;
  readonly nowMs: number;
  /** Turns what is running; absent where nothing moves. */
  readonly frame?: number;
  /** Most lines; steps of jobs that went well are left out first. Default: all. */
  readonly maxLines?: number;
}

/** Runs of workflows with their jobs and steps, a line each. */
export function ciTreeLines(runs: readonly CiRun[], style: CiTreeStyle): string[] {
  const { maxLines = Number.POSITIVE_INFINITY } = style;
  const all = linesOf(runs, style, () => true);
  if (all.length <= maxLines) return all;
  const busy = linesOf(runs, style, (job) => job.status === "in_progress" || job.conclusion === "failure");
  if (busy.length <= maxLines) return busy;
  const hidden = busy.length - Math.max(1, maxLines - 1);
  return [...busy.slice(0, Math.max(1, maxLines - 1)), style.colours.dim(`… ${hidden} more`)];
}

function linesOf(runs: readonly CiRun[], style: CiTreeStyle, hasSteps: (job: CiJob) => boolean): string[] {
  const { colours } = style;
  return runs.flatMap((run) => {
    const lines = [runLine(run, style)];
    if (run.error !== undefined) {
      lines.push(...run.error.split("\n").map((line) => `  ${colours.red(printableLine(line, 400))}`));
    }
    for (const [index, job] of run.jobs.entries()) {
      const isLast = index === run.jobs.length - 1;
      lines.push(`${colours.dim(isLast ? "└─ " : "├─ ")}${jobLine(job, style)}`);
      if (!hasSteps(job)) continue;
      const indent = isLast ? "   " : "│  ";
      for (const [at, step] of job.steps.entries()) {
        const corner = at === job.steps.length - 1 ? "└─ " : "├─ ";
        lines.push(`${colours.dim(indent + corner)}${stepLine(step, style)}`);
      }
    }
    return lines;
  });
}

function runLine(run: CiRun, style: CiTreeStyle): string {
  const { colours, nowMs } = style;
  const what = [
    `#${run.number}`,
    ...(run.attempt > 1 ? [`attempt ${run.attempt}`] : []),
    run.event.name,
    run.event.ref.replace(/^refs\/(heads|tags)\//, ""),
    durationText(Math.max(0, (run.endedAtMs ?? nowMs) - run.createdAtMs)),
  ];
  const mark = markOf(run.conclusion, run.status === "queued", style);
  return `${mark} ${colours.bold(printableLine(run.title, 80))}  ${colours.dim(printableLine(what.join(" · ")))}`;
}

function jobLine(job: CiJob, style: CiTreeStyle): string {
  const { colours, nowMs } = style;
  const parts = [markOf(job.conclusion, job.status === "queued", style), printableLine(job.name, 80)];
  if (job.startedAtMs !== undefined) parts.push(colours.dim(tookText(job.startedAtMs, job.endedAtMs ?? nowMs)));
  if (job.waitsFor !== undefined) {
    parts.push(colours.yellow(job.waitsFor === "queue" ? "waits for its turn" : "waits for its concurrency group"));
  }
  if (job.kept === true) parts.push(colours.dim("kept from the attempt before"));
  if (job.continued === true) parts.push(colours.yellow("continues on error"));
  if (job.error !== undefined) parts.push(colours.red(printableLine(job.error, 300)));
  return parts.join("  ");
}

function stepLine(step: CiStep, style: CiTreeStyle): string {
  const { colours } = style;
  const parts = [markOf(step.outcome, false, style), printableLine(step.name, 100)];
  if (step.durationMs !== undefined && step.outcome !== "skipped")
    parts.push(colours.dim(durationText(step.durationMs)));
  if (step.exitCode !== undefined && step.exitCode !== 0) parts.push(colours.red(`exit ${step.exitCode}`));
  // An exit code that only says what stands there already.
  const isSaid = step.exitCode !== undefined && step.error === `Process completed with exit code ${step.exitCode}.`;
  if (step.error !== undefined && !isSaid) parts.push(colours.red(printableLine(step.error, 300)));
  return parts.join("  ");
}

function tookText(fromMs: number, toMs: number): string {
  return durationText(Math.max(0, toMs - fromMs));
}

function markOf(conclusion: CiConclusion | undefined, isQueued: boolean, { colours, frame }: CiTreeStyle): string {
  switch (conclusion) {
    case "success":
      return colours.green("✓");
    case "failure":
      return colours.red("✗");
    case "cancelled":
      return colours.yellow("⊘");
    case "skipped":
      return colours.dim("-");
    case undefined:
      if (isQueued) return colours.dim("○");
      return colours.cyan(frame === undefined ? "●" : (SPINNER[frame % SPINNER.length] ?? "●"));
  }
}
