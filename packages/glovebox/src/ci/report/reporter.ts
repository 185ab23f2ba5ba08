import { setTimeout as sleep } from "node:timers/promises";
import { type CiJob, type CiRun, type Clock, GloveboxError, type Logger, toGloveboxError } from "../../core/index.ts";
import type { ForgeReports } from "../../forges/index.ts";
import type { CiRunStore, ReportStore, RepositoryStore } from "../../store/index.ts";
import type { ForgeTable } from "../repositories/forge-table.ts";
import type { RepositoryKeys } from "../repositories/repository-keys.ts";
import type { RunObserver } from "../runs/ports.ts";
import { headOf, type JobDetails } from "./job-report.ts";
import { type CommentedRun, commentOf } from "./pull-request-comment.ts";
import { reportComment } from "./report-comment.ts";
import { isRefusal, reportRun } from "./report-run.ts";
import { type CommentState, NOTHING_REPORTED, type ReportState } from "./report-state.ts";

export interface ReporterOptions {
  readonly runs: Pick<CiRunStore, "get" | "list">;
  readonly reports: ReportStore;
  readonly repositories: RepositoryStore;
  readonly keys: RepositoryKeys;
  readonly forges: ForgeTable;
  /** The last lines that the failed step of a job printed. */
  readonly lastLines?: (run: CiRun, job: CiJob, signal: AbortSignal) => Promise<readonly string[]>;
  /** What might help, of a run that is over. */
  readonly suggestions?: (run: CiRun) => Promise<readonly { readonly message: string }[]>;
  /** Where people reach this server, without a `/` at its end. */
  readonly publicUrl?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two passes over a run that goes on, milliseconds: steps end faster than forges want to know. Default 2 s. */
  readonly gatherMs?: number;
  /** The shortest wait after a failure of the forge, milliseconds; it doubles, up to 5 minutes. Default 1 s. */
  readonly retryMs?: number;
}

/** A forge that is down this long after a run's end is not told of it any more. */
const GIVE_UP_MS = 86_400_000;
const MAX_RETRY_MS = 300_000;
/** For one pass. */
const PASS_MS = 600_000;
/** Runs of one commit that a comment looks at. */
const MAX_RUNS = 100;

/**
 * Brings forges up to date with runs. Level-triggered: a pass looks at what is and what was reported, and does the difference, so that it does not matter how often, by
 * which server or after which failure it comes.
 */
export class Reporter implements RunObserver, AsyncDisposable {
  readonly #options: ReporterOptions;
  readonly #stopped = new AbortController();
  /** Runs that have changed since their last pass began. */
  readonly #changed = new Set<string>();
  readonly #loops = new Map<string, Promise<void>>();
  /** One pass at a time for a repository: its limits are shared, and so are its pull requests' comments. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  changed(tenantId: string, runId: string): void {
    if (this.#stopped.signal.aborted) return;
    this.#changed.add(runId);
    if (this.#loops.has(runId)) return;
    const loop = this.#whileChanged(tenantId, runId)
      .catch((error: unknown) => {
        if (this.#stopped.signal.aborted) return;
        this.#options.logger.error({ runId, reason: toGloveboxError(error).message }, "a run could not be reported");
      })
      .finally(() => {
        this.#loops.delete(runId);
        // It may have changed while the loop was ending.
        if (this.#changed.has(runId)) this.changed(tenantId, runId);
      });
    this.#loops.set(runId, loop);
  }

  ended({ tenantId, id }: CiRun): void {
    this.changed(tenantId, id);
  }

  /** Goes on with what the last server had not reported. */
  async takeUp(): Promise<void> {
    for (const { tenantId, runId } of await this.#options.reports.unfinished()) this.changed(tenantId, runId);
  }

  /** Resolves when every run that has changed by now is reported, or given up. For tests and for an orderly end. */
  async settled(): Promise<void> {
    while (this.#loops.size > 0) await Promise.all(this.#loops.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new GloveboxError("cancelled", "the server is shutting down"));
    await this.settled();
  }

  async #whileChanged(tenantId: string, runId: string): Promise<void> {
    const { signal } = this.#stopped;
    const { clock, logger, retryMs = 1000, gatherMs = 2000 } = this.#options;
    let failures = 0;
    while (this.#changed.delete(runId) || failures > 0) {
      const run = await this.#options.runs.get(tenantId, runId);
      if (run === undefined) return;
      let waitMs = run.status === "completed" ? 0 : gatherMs;
      const told = { times: 0 };
      try {
        await this.#pass(run, told, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // A forge that took something is not down.
        failures = told.times > 0 ? 1 : failures + 1;
        const { code, message, details } = toGloveboxError(error);
        const asked = details?.retryAfterMs;
        waitMs = typeof asked === "number" ? asked : Math.min(MAX_RETRY_MS, retryMs * 2 ** Math.min(failures - 1, 20));
        logger.warn({ runId, code, reason: message, failures, waitMs }, "the forge could not be told of a run");
        if (run.endedAtMs !== undefined && clock.nowMs() - run.endedAtMs > GIVE_UP_MS) {
          logger.error({ runId }, "the forge was down for too long: it is not told of the run any more");
          const kept = await this.#options.reports.get(runId);
          await this.#options.reports.put({ runId, tenantId, state: kept?.state ?? NOTHING_REPORTED, done: true });
          return;
        }
      }
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }

  async #pass(run: CiRun, told: { times: number }, stopped: AbortSignal): Promise<void> {
    const { repositories, keys, forges } = this.#options;
    const { tenantId, repositoryId } = run;
    const repository = repositoryId === undefined ? undefined : await repositories.get(tenantId, repositoryId);
    if (repository === undefined) return;
    const reports = forges[repository.forge].reports(repository, await keys.credentials(repository));
    if (reports === undefined) return;
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(PASS_MS)]);
    await this.#inTurn(repository.id, async () => {
      signal.throwIfAborted();
      await this.#report(run, reports, told, signal);
    });
  }

  async #report(run: CiRun, reports: ForgeReports, told: { times: number }, signal: AbortSignal): Promise<void> {
    const { reports: store, logger } = this.#options;
    const { id: runId, tenantId } = run;
    const kept = await store.get(runId);
    // Another pass may have ended it; what changes after its end is nothing that forges show.
    if (kept?.done === true) return;
    let state = (kept?.state as ReportState | undefined) ?? NOTHING_REPORTED;
    const details = await this.#detailsOf(run, signal);
    const url = this.#urlOf(run);
    const save = async (next: ReportState) => {
      state = next;
      told.times += 1;
      await store.put({ runId, tenantId, state, done: false });
    };
    if (kept === undefined) await save(state);
    told.times = 0;
    await reportRun({ run, reports, details, state, save, logger, signal, ...(url !== undefined && { url }) });
    await this.#comment(run, reports, signal);
    if (run.status === "completed") await store.put({ runId, tenantId, state, done: true });
  }

  async #comment(run: CiRun, reports: ForgeReports, signal: AbortSignal): Promise<void> {
    const { pullRequest } = run.event;
    if (pullRequest === undefined || run.repositoryId === undefined) return;
    const { reports: store, logger } = this.#options;
    const key = `comment/${run.repositoryId}/${pullRequest}`;
    const state = ((await store.get(key))?.state as CommentState | undefined) ?? {};
    const save = (next: CommentState) => store.put({ runId: key, tenantId: run.tenantId, state: next, done: true });
    const runs = await this.#newestOf(run, pullRequest);
    const body = commentOf(headOf(run), await Promise.all(runs.map((one) => this.#commented(one, signal))));
    try {
      await reportComment(reports, { pullRequest, body }, { state, save }, signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      logger.error({ runId: run.id, reason: String(error) }, "the forge does not take a comment");
    }
  }

  /** The newest attempt of each workflow for the head that this run is about. An older head's run leaves the comment to the newer one's. */
  async #newestOf(run: CiRun, pullRequest: number): Promise<readonly CiRun[]> {
    const { tenantId, repositoryId = "" } = run;
    const { items } = await this.#options.runs.list(tenantId, { repositoryId, limit: MAX_RUNS });
    const mine = items.filter(
      ({ event }) => event.pullRequest === pullRequest && event.name.startsWith("pull_request"),
    );
    const head = mine[0] === undefined ? headOf(run) : headOf(mine[0]);
    const newest = new Map<string, CiRun>();
    for (const one of mine) {
      if (headOf(one) === head && !newest.has(one.workflow.path)) newest.set(one.workflow.path, one);
    }
    return [...newest.values()].sort((a, b) => (a.workflow.path < b.workflow.path ? -1 : 1));
  }

  async #commented(run: CiRun, signal: AbortSignal): Promise<CommentedRun> {
    const url = this.#urlOf(run);
    const isOver = run.status === "completed";
    return {
      run,
      details: await this.#detailsOf(run, signal),
      suggestions: isOver ? ((await this.#options.suggestions?.(run).catch(() => [])) ?? []) : [],
      ...(url !== undefined && { url }),
    };
  }

  async #detailsOf(run: CiRun, signal: AbortSignal): Promise<ReadonlyMap<string, JobDetails>> {
    const url = this.#urlOf(run);
    const { lastLines } = this.#options;
    const details = await Promise.all(
      run.jobs.map(async (job): Promise<[string, JobDetails]> => {
        const isFailed = job.status === "completed" && job.conclusion === "failure";
        // What cannot be read is left out: the result counts.
        const lines = isFailed ? ((await lastLines?.(run, job, signal).catch(() => [])) ?? []) : [];
        return [job.key, { lastLines: lines, ...(url !== undefined && { url: `${url}#${job.key}` }) }];
      }),
    );
    return new Map(details);
  }

  #urlOf({ id }: CiRun): string | undefined {
    const { publicUrl } = this.#options;
    return publicUrl === undefined ? undefined : `${publicUrl}/ci/runs/${id}`;
  }

  async #inTurn(key: string, work: () => Promise<void>): Promise<void> {
    const mine = (this.#turns.get(key) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#turns.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#turns.get(key) === mine) this.#turns.delete(key);
    }
  }
}
