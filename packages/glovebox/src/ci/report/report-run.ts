import { type CiJob, type CiRun, isGloveboxError, type Logger } from "../../core/index.ts";
import type { CheckRunReport, CheckRunReports, ForgeReports, StatusReport } from "../../forges/index.ts";
import { annotationsOf, checkRunOf, type JobDetails, jobStatus, workflowStatus } from "./job-report.ts";
import { hashOf, type JobState, type ReportState } from "./report-state.ts";

/** GitHub's batches: https://docs.github.com/en/rest/checks/runs#update-a-check-run */
const BATCH = 50;

export interface RunReport {
  readonly run: CiRun;
  readonly reports: ForgeReports;
  readonly details: ReadonlyMap<string, JobDetails>;
  readonly url?: string;
  /** What the forge has; replaced as it gets more. */
  readonly state: ReportState;
  /** On disk when it resolves. */
  readonly save: (state: ReportState) => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Tells the forge what it does not know yet of a run: a check run for each job (a status where those cannot be written), and a status for the whole. Called again after
 * any end, it goes on where it was. What the forge refuses for good is noted and left out; every other error ends the pass.
 */
export async function reportRun(report: RunReport): Promise<void> {
  const kept = new StateKeeper(report);
  const { run, reports, url } = report;
  for (const job of run.jobs) {
    // What is kept of an earlier attempt was reported with that.
    if (job.kept === true) continue;
    if (reports.checkRuns !== undefined) await reportJob(report, reports.checkRuns, kept, job);
    else await reportStatus(report, kept, jobStatus(run, job, urlOf(report, job) ?? url));
  }
  await reportStatus(report, kept, workflowStatus(run, url));
}

function urlOf({ details }: RunReport, job: CiJob): string | undefined {
  return details.get(job.key)?.url;
}

async function reportJob(report: RunReport, checks: CheckRunReports, kept: StateKeeper, job: CiJob): Promise<void> {
  const { run, signal, logger } = report;
  const wanted = checkRunOf(run, job, report.details.get(job.key) ?? { lastLines: [] });
  const annotations = job.status === "completed" ? annotationsOf(job) : [];
  const before = kept.job(job.key);
  const hash = hashOf({ wanted, annotations: annotations.length });
  if (before.refused === true || before.hash === hash) return;
  try {
    const { id, isCreated } =
      before.checkRunId === undefined
        ? await made(wanted, checks, kept, job.key, signal)
        : { id: before.checkRunId, isCreated: false };
    // It was made as it is now: there is nothing to add before it is over.
    if (isCreated && wanted.status !== "completed") return await kept.setJob(job.key, { checkRunId: id, hash });
    let sent = kept.job(job.key).annotated ?? 0;
    do {
      const batch = annotations.slice(sent, sent + BATCH);
      await checks.update(id, { ...wanted, annotations: batch }, signal);
      sent += batch.length;
      await kept.setJob(job.key, { checkRunId: id, annotated: sent });
    } while (sent < annotations.length);
    await kept.setJob(job.key, { checkRunId: id, annotated: sent, hash });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    logger.error({ runId: run.id, job: job.key, reason: String(error) }, "the forge does not take a check run");
    await kept.setJob(job.key, { ...kept.job(job.key), refused: true });
  }
}

/** Made once, also when the answer to the first try was lost: then it is looked for. */
async function made(
  wanted: CheckRunReport,
  checks: CheckRunReports,
  kept: StateKeeper,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly isCreated: boolean }> {
  const found = kept.job(key).began === true ? await checks.find(wanted, signal) : undefined;
  if (found !== undefined) return { id: found, isCreated: false };
  if (kept.job(key).began !== true) await kept.setJob(key, { began: true });
  // What is over comes with the first update, its annotations with it.
  const { conclusion: _conclusion, completedAtMs: _completedAtMs, ...begun } = wanted;
  const status = wanted.status === "queued" ? "queued" : "in_progress";
  return { id: await checks.create({ ...begun, status }, signal), isCreated: true };
}

async function reportStatus(
  { run, reports, logger, signal }: RunReport,
  kept: StateKeeper,
  status: StatusReport,
): Promise<void> {
  const hash = hashOf(status);
  if (kept.status(status.context) === hash) return;
  try {
    await reports.setStatus(status, signal);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    logger.error({ runId: run.id, context: status.context, reason: String(error) }, "the forge does not take a status");
  }
  await kept.setStatus(status.context, hash);
}

/** The same again would be refused again. */
export function isRefusal(error: unknown): boolean {
  return (["permission_denied", "not_found", "invalid_argument"] as const).some((code) => isGloveboxError(error, code));
}

/** The state, saved at every change. */
class StateKeeper {
  #state: ReportState;
  readonly #save: RunReport["save"];

  constructor({ state, save }: RunReport) {
    this.#state = state;
    this.#save = save;
  }

  job(key: string): JobState {
    return this.#state.jobs[key] ?? {};
  }

  status(context: string): string | undefined {
    return this.#state.statuses[context];
  }

  async setJob(key: string, job: JobState): Promise<void> {
    this.#state = { ...this.#state, jobs: { ...this.#state.jobs, [key]: job } };
    await this.#save(this.#state);
  }

  async setStatus(context: string, hash: string): Promise<void> {
    this.#state = { ...this.#state, statuses: { ...this.#state.statuses, [context]: hash } };
    await this.#save(this.#state);
  }
}
