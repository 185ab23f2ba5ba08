import { isGloveboxError } from "../../core/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { segmentsOf } from "../expressions/segments.ts";
import { jobName } from "./job-name.ts";
import { expandMatrix } from "./matrix.ts";
import type { Plan, PlannedInstance, PlannedJob } from "./plan.ts";
import type { Job, MatrixTemplate, Workflow, WorkflowProblem } from "./workflow.ts";

/**
 * The graph of a workflow's jobs in levels, with each matrix expanded that `contexts` are enough for. A matrix that reads `needs` is known
 * only while the run goes on: such a job has no instances here. Problems: cycles, unknown needs, a matrix that cannot be expanded.
 */
export function planWorkflow(workflow: Workflow, contexts: Contexts = {}): Plan {
  const problems: WorkflowProblem[] = [];
  const report = (job: Job, message: string) => {
    problems.push({ path: workflow.path, ...job.position, message, severity: "error" });
  };
  const levels = levelsOf(workflow.jobs, report);
  const planned = workflow.jobs.flatMap((job): PlannedJob[] => {
    const level = levels.get(job.id);
    if (level === undefined) return [];
    const instances = instancesOf(job, contexts, report);
    return [{ id: job.id, needs: job.needs, level, job, ...(instances === undefined ? {} : { instances }) }];
  });
  const jobs = planned.sort((a, b) => a.level - b.level);
  const depth = Math.max(-1, ...jobs.map(({ level }) => level)) + 1;
  const ids = Array.from({ length: depth }, (_, level) =>
    jobs.filter((job) => job.level === level).map(({ id }) => id),
  );
  return { jobs, levels: ids, problems };
}

type Report = (job: Job, message: string) => void;

/** Level by level: a job is placed when all that it needs is. What is left at the end waits for itself. */
function levelsOf(jobs: readonly Job[], report: Report): Map<string, number> {
  const known = new Set(jobs.map(({ id }) => id));
  for (const job of jobs) {
    for (const need of job.needs)
      if (!known.has(need)) report(job, `Job '${job.id}' depends on unknown job '${need}'.`);
  }
  const levels = new Map<string, number>();
  let waiting = jobs;
  for (let level = 0; waiting.length > 0; level++) {
    const ready = waiting.filter(({ needs }) => needs.every((need) => levels.has(need)));
    if (ready.length === 0) break;
    for (const { id } of ready) levels.set(id, level);
    waiting = waiting.filter(({ id }) => !levels.has(id));
  }
  for (const job of waiting) {
    const cycle = job.needs.find((need) => known.has(need) && !levels.has(need));
    if (cycle !== undefined)
      report(job, `Job '${job.id}' depends on job '${cycle}' which creates a cycle in the dependency graph.`);
  }
  return levels;
}

function instancesOf(job: Job, contexts: Contexts, report: Report): readonly PlannedInstance[] | undefined {
  const template = job.strategy?.matrix;
  if (template === undefined) return [{ name: nameOf(job, {}, contexts), matrix: {} }];
  if (readsNeeds(template) && contexts.needs === undefined) return undefined;
  try {
    return expandMatrix(template, contexts).map((matrix) => ({ name: nameOf(job, matrix, contexts), matrix }));
  } catch (error) {
    if (!isGloveboxError(error, "invalid_argument")) throw error;
    report(job, `Job '${job.id}': ${error.message}`);
    return undefined;
  }
}

/** A name that cannot be told yet is the one that was written. */
function nameOf(job: Job, matrix: PlannedInstance["matrix"], contexts: Contexts): string {
  try {
    return jobName(job, matrix, contexts);
  } catch (error) {
    if (!isGloveboxError(error, "invalid_argument")) throw error;
    return job.name ?? job.id;
  }
}

function readsNeeds(template: MatrixTemplate): boolean {
  const texts = typeof template === "string" ? [template] : textsOf(template);
  return texts.some((text) =>
    segmentsOf(text).some((part) => part.kind === "expression" && /\bneeds\b/i.test(part.expression)),
  );
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
