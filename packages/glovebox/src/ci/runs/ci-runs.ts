import { type CiRun, GloveboxError, newId } from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";
import type { ForgeEvent } from "../../forges/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { CiRunFilter, CiRunStore, Page } from "../../store/index.ts";
import type { RunStarter } from "./begin-runs.ts";
import type { CiService, LogOptions } from "./ci-service.ts";
import { failedJobOf, failedStepOf, notKept } from "./failed-step.ts";
import { jobNamed, keptJobs } from "./kept-jobs.ts";
import { followLogs, storedLogs } from "./logs.ts";
import { maskSession } from "./mask-session.ts";
import type { CiGit, CiRepositories, CiRepository } from "./ports.ts";
import { eventOf, receiveEvent } from "./receive-event.ts";
import type { RecordKeeper } from "./record-keeper.ts";
import type { RunSecrets } from "./run-secrets.ts";
import type { Schedules } from "./schedules.ts";
import type { Sources } from "./sources.ts";
import type { CiLogLine, CiStartRequest, RerunRequest } from "./start-request.ts";
import { startRuns } from "./start-runs.ts";

export interface CiRunsParts {
  readonly engine: DurableEngine;
  readonly services: SessionServices;
  readonly store: CiRunStore;
  readonly keeper: RecordKeeper;
  readonly starter: RunStarter;
  readonly sources: Sources;
  readonly secrets: RunSecrets;
  readonly repositories: CiRepositories | undefined;
  readonly git: CiGit | undefined;
  readonly schedules: Schedules | undefined;
}

export class CiRuns implements Omit<CiService, keyof AsyncDisposable> {
  readonly #parts: CiRunsParts;

  constructor(parts: CiRunsParts) {
    this.#parts = parts;
  }

  putSource(tenantId: string, archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<string> {
    return this.#parts.sources.put(tenantId, archive, signal);
  }

  start(tenantId: string, request: CiStartRequest): Promise<readonly CiRun[]> {
    return startRuns(this.#parts, tenantId, request);
  }

  async receive(event: ForgeEvent, repository: CiRepository, signal: AbortSignal): Promise<readonly CiRun[]> {
    const { git, schedules } = this.#parts;
    if (git === undefined) throw new GloveboxError("unavailable", "this server has no git");
    if (event.ref === `refs/heads/${repository.defaultBranch}`) schedules?.changed(repository.id);
    if (event.command !== undefined) return this.#command(event, repository);
    if (event.rerequested !== undefined) return this.#rerequested(event, repository);
    return receiveEvent({ ...this.#parts, git }, event, repository, signal);
  }

  list(tenantId: string, filter?: CiRunFilter): Promise<Page<CiRun>> {
    return this.#parts.store.list(tenantId, filter);
  }

  async get(tenantId: string, id: string): Promise<CiRun> {
    const live = this.#parts.keeper.live(id);
    if (live !== undefined && live.tenantId === tenantId) return live;
    const run = await this.#parts.store.get(tenantId, id);
    if (run === undefined) throw new GloveboxError("not_found", `no CI run ${id}`);
    return run;
  }

  async *follow(tenantId: string, id: string, signal?: AbortSignal): AsyncGenerator<CiRun> {
    let changed = Promise.withResolvers<void>();
    using _watch = this.#parts.keeper.watch(id, () => changed.resolve());
    const onAbort = () => changed.resolve();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const run = await this.get(tenantId, id);
        yield run;
        if (run.status === "completed") return;
        await changed.promise;
        changed = Promise.withResolvers();
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async *logs(tenantId: string, id: string, options: LogOptions = {}): AsyncGenerator<CiLogLine> {
    const run = await this.get(tenantId, id);
    const job = options.job === undefined ? undefined : jobNamed(run, options.job);
    const { executions } = this.#parts.services;
    if (options.follow !== true) yield* storedLogs(executions, run, job?.key);
    else yield* followLogs(executions, this.follow(tenantId, id, options.signal), job?.key, options.signal);
  }

  async rerun(tenantId: string, id: string, request: RerunRequest = {}): Promise<CiRun> {
    const run = await this.#ended(tenantId, id);
    const { starter } = this.#parts;
    const { kept: _before, ...input } = await starter.inputOf(tenantId, id);
    const kept = keptJobs(run, request);
    const begun = await starter.begin(
      tenantId,
      {
        ...input,
        settings: starter.settings,
        attempt: run.attempt + 1,
        number: run.number,
        rerunOf: id,
        artifactsOf: input.artifactsOf ?? id,
        ...(kept !== undefined && { kept }),
      },
      { name: run.workflow.name },
    );
    return begun ?? Promise.reject(new GloveboxError("conflict", `run ${id} is run again already`));
  }

  async retry(tenantId: string, id: string, job?: string): Promise<CiRun> {
    const run = await this.#ended(tenantId, id);
    const { engine, store } = this.#parts;
    const { path, hasBefore } = await failedStepOf(
      engine,
      run,
      job === undefined ? failedJobOf(run) : jobNamed(run, job),
    );
    if (!hasBefore) throw notKept();
    const { conclusion: _conclusion, endedAtMs: _endedAtMs, error: _error, ...rest } = run;
    await engine.rollback(tenantId, id, { step: path, reason: "retried from the failed step" });
    const again: CiRun = { ...rest, status: "in_progress" };
    // Unless the run, which goes on by itself, has told more by now.
    if (this.#parts.keeper.live(id) === undefined) await store.put(again);
    return this.get(tenantId, id);
  }

  async cancel(tenantId: string, id: string, reason = "cancelled by a person"): Promise<CiRun> {
    const run = await this.get(tenantId, id);
    if (run.status === "completed") {
      throw new GloveboxError("conflict", `run ${id} is completed`, { details: { conclusion: run.conclusion ?? "" } });
    }
    await this.#parts.engine.signal(tenantId, id, "cancel", { reason });
    return this.get(tenantId, id);
  }

  async debug(tenantId: string, id: string, job: string): Promise<{ readonly sessionId: string }> {
    const run = await this.get(tenantId, id);
    const failed = jobNamed(run, job);
    const { after } = await failedStepOf(this.#parts.engine, run, failed);
    if (after === undefined) throw notKept();
    const { snapshots } = this.#parts.services;
    // Its own key and metadata: it is none of the run's sandboxes, which end with it.
    const as = { key: `ci-debug/${newId()}`, metadata: { ciRun: id, ciJob: job.slice(0, 200) } };
    const { sessions: made } = await snapshots.fork(tenantId, after.sessionId, { snapshotId: after.snapshotId, as });
    const sessionId = made[0]?.id;
    if (sessionId === undefined)
      throw new GloveboxError("unavailable", "the state of the failed step could not be opened");
    await maskSession(this.#parts, run, failed, sessionId);
    return { sessionId };
  }

  /** `/rerun` and `/cancel` in a pull request: of the last run of each workflow there. */
  async #command(event: ForgeEvent, repository: CiRepository): Promise<readonly CiRun[]> {
    const { tenantId, id: repositoryId } = repository;
    const latest = new Map<string, CiRun>();
    for (const run of (await this.list(tenantId, { repositoryId, limit: 200 })).items) {
      if (run.event.pullRequest !== event.pullRequest || event.pullRequest === undefined) continue;
      if (!latest.has(run.workflow.path)) latest.set(run.workflow.path, run);
    }
    const done: CiRun[] = [];
    for (const run of latest.values()) {
      const isOver = run.status === "completed";
      if (event.command === "cancel" && !isOver)
        done.push(await this.cancel(tenantId, run.id, `cancelled by ${event.actor}`));
      if (event.command === "rerun" && isOver) done.push(await this.rerun(tenantId, run.id));
    }
    return done;
  }

  /** A check run that was asked for again is its job; a whole suite is every run of the commit. */
  async #rerequested(event: ForgeEvent, repository: CiRepository): Promise<readonly CiRun[]> {
    const { tenantId, id: repositoryId } = repository;
    const [runId, job] = event.rerequested?.externalId?.split("/") ?? [];
    if (runId !== undefined) {
      const run = await this.get(tenantId, runId);
      if (run.repositoryId !== repositoryId) throw new GloveboxError("not_found", `no CI run ${runId}`);
      return [await this.rerun(tenantId, runId, job === undefined ? {} : { job })];
    }
    const sha = eventOf(event, event.rerequested?.headSha ?? "").sha;
    const { items } = await this.list(tenantId, { repositoryId, sha, status: ["completed"], limit: 200 });
    const replaced = new Set(items.map(({ rerunOf }) => rerunOf));
    const latest = items.filter(({ id }) => !replaced.has(id));
    return Promise.all(latest.map(({ id }) => this.rerun(tenantId, id)));
  }

  async #ended(tenantId: string, id: string): Promise<CiRun> {
    const run = await this.get(tenantId, id);
    if (run.status === "completed") return run;
    throw new GloveboxError("conflict", `run ${id} goes on`, { details: { status: run.status } });
  }
}
