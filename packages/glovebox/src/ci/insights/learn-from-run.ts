import { createHash } from "node:crypto";
import type { CiJob, CiRun, CiStep, Lesson } from "../../core/index.ts";
import type { LessonStore } from "../../store/index.ts";
import { isForgotten } from "./confidence.ts";
import { FailureLine, normalised } from "./failure-line.ts";

/** Kept per repository. */
const MAX_LESSONS = 500;
const MAX_EVIDENCE = 20;
const MAX_COUNTED = 50;
/** Looked at of one step's output. */
const MAX_OUTPUT = 4 * 1024 * 1024;
/** Failed steps of one run; more say the same thing again. */
const MAX_FAILURES = 50;

/** Pieces of what a job's steps printed, secrets masked. */
export type JobOutput = (
  run: CiRun,
  jobKey: string,
) => AsyncIterable<{ readonly step: { readonly number: number }; readonly text: string }>;

/** Counts a finished run's failures, and lets lessons fade whose steps succeeded. A run counts once, however often it is told. */
export async function learnFromRun(run: CiRun, store: LessonStore, output: JobOutput): Promise<void> {
  const jobs = run.jobs.filter((job) => job.kept !== true);
  const failed = jobs.flatMap((job) => job.steps.filter(isFailed).map((step) => ({ job, step })));
  for (const { job, step } of failed.slice(0, MAX_FAILURES)) {
    const line = await failureLineOf(run, job, step, output);
    if (line !== undefined) await countFailure(run, job, step, line, store);
  }
  await countSuccesses(run, jobs, store);
}

function isFailed({ outcome }: CiStep): boolean {
  return outcome === "failure";
}

async function failureLineOf(run: CiRun, job: CiJob, step: CiStep, output: JobOutput): Promise<string | undefined> {
  const line = new FailureLine();
  let read = 0;
  for await (const piece of output(run, job.key)) {
    if (piece.step.number !== step.number) continue;
    line.add(piece.text);
    read += piece.text.length;
    if (line.isSettled || read > MAX_OUTPUT) break;
  }
  const annotation = step.annotations.find(({ level }) => level === "error")?.message;
  const { found } = line;
  return line.isSettled ? found : (annotation ?? step.error ?? found);
}

async function countFailure(run: CiRun, job: CiJob, step: CiStep, line: string, store: LessonStore): Promise<void> {
  const about = { repository: run.repository, workflow: run.workflow.path, job: job.id, step: step.name };
  const pattern = normalised(line);
  const id = createHash("sha256")
    .update(JSON.stringify([about, step.exitCode ?? null, pattern]))
    .digest("hex")
    .slice(0, 32);
  const atMs = run.endedAtMs ?? run.updatedAtMs;
  const before = await store.get(run.tenantId, id);
  if (before?.counted.includes(run.id)) return;
  const lesson: Lesson = {
    ...about,
    id,
    tenantId: run.tenantId,
    kind: "lesson",
    ...(step.exitCode !== undefined && { exitCode: step.exitCode }),
    pattern,
    example: line.slice(0, 300),
    failures: (before?.failures ?? 0) + 1,
    successesSince: 0,
    evidence: [...(before?.evidence ?? []), { runId: run.id, atMs }].slice(-MAX_EVIDENCE),
    counted: [...(before?.counted ?? []), run.id].slice(-MAX_COUNTED),
    firstSeenAtMs: before?.firstSeenAtMs ?? atMs,
    lastSeenAtMs: atMs,
  };
  await store.put(lesson, { max: MAX_LESSONS });
}

async function countSuccesses(run: CiRun, jobs: readonly CiJob[], store: LessonStore): Promise<void> {
  const succeeded = new Set(
    jobs.flatMap((job) =>
      job.steps.filter(({ outcome }) => outcome === "success").map((step) => subject(job.id, step.name)),
    ),
  );
  for (const lesson of await store.list(run.tenantId, run.repository)) {
    const isOurs = lesson.workflow === run.workflow.path && succeeded.has(subject(lesson.job, lesson.step));
    if (!isOurs || lesson.counted.includes(run.id)) continue;
    const faded = {
      ...lesson,
      successesSince: lesson.successesSince + 1,
      counted: [...lesson.counted, run.id].slice(-MAX_COUNTED),
    };
    if (isForgotten(faded)) await store.delete(run.tenantId, lesson.id);
    else await store.put(faded, { max: MAX_LESSONS });
  }
}

function subject(job: string, step: string): string {
  return JSON.stringify([job, step]);
}
