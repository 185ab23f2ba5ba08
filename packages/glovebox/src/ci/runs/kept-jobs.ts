import { type CiJob, type CiRun, GloveboxError } from "../../core/index.ts";
import type { KeptJob } from "./run-input.ts";
import type { RerunRequest } from "./start-request.ts";

/** A job of a run by its key, its id or the name it is shown by. `not_found`, or `invalid_argument` when several fit. */
export function jobNamed(run: CiRun, name: string): CiJob {
  const byKey = run.jobs.find(({ key }) => key === name);
  if (byKey !== undefined) return byKey;
  const found = run.jobs.filter((job) => job.id === name || job.name === name);
  const [first, ...others] = found;
  if (first === undefined) throw new GloveboxError("not_found", `the run has no job ${JSON.stringify(name)}`);
  if (others.length === 0) return first;
  throw new GloveboxError("invalid_argument", `several jobs are called ${JSON.stringify(name)}`, {
    details: { path: "job", keys: found.map(({ key }) => key) },
  });
}

/** The results that another attempt keeps, by key; `undefined`: none. */
export function keptJobs(run: CiRun, request: RerunRequest): Readonly<Record<string, KeptJob>> | undefined {
  if (request.job === undefined && request.failedOnly !== true) return undefined;
  const again = request.job === undefined ? undefined : jobNamed(run, request.job);
  const isWanted = (job: CiJob) => (again === undefined ? hasFailed(job) : job.key === again.key);
  const redone = new Set(run.jobs.filter(isWanted).flatMap(({ id }) => withCallers(id)));
  for (let before = -1; before !== redone.size; ) {
    before = redone.size;
    for (const { id, needs } of run.jobs) {
      if (needs.some((need) => redone.has(need))) for (const one of withCallers(id)) redone.add(one);
    }
  }
  const kept = run.jobs.filter(
    (job) => job.conclusion === "success" && !isWanted(job) && !job.needs.some((need) => redone.has(need)),
  );
  return Object.fromEntries(kept.map(({ key, outputs }) => [key, { conclusion: "success", outputs }]));
}

function hasFailed({ conclusion }: CiJob): boolean {
  return conclusion === "failure" || conclusion === "cancelled";
}

/** `a / b / c`, `a / b`, `a`: a job, and the jobs that call its workflow. */
function withCallers(id: string): readonly string[] {
  const parts = id.split(" / ");
  return parts.map((_part, index) => parts.slice(0, parts.length - index).join(" / "));
}
