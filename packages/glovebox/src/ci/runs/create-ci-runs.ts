import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type CiRun,
  type Clock,
  isGloveboxError,
  type Logger,
  type Redactor,
  type Run,
  type SealedValues,
  toGloveboxError,
} from "../../core/index.ts";
import type { DurableEngine, Program } from "../../engine/index.ts";
import type { Sandboxes } from "../../runs/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { Store } from "../../store/index.ts";
import { folderStorage } from "../toolkit/folder-storage.ts";
import { sweepStorage } from "../toolkit/sweep-storage.ts";
import { RunStarter } from "./begin-runs.ts";
import { CiRuns } from "./ci-runs.ts";
import type { CiService } from "./ci-service.ts";
import { ConcurrencyGroups } from "./concurrency-groups.ts";
import { JobSlots } from "./job-slots.ts";
import type { CiGit, CiRepositories, RunObserver } from "./ports.ts";
import { RecordKeeper } from "./record-keeper.ts";
import { CI_WORKFLOW, RUN_KEY, type RunSettings } from "./run-input.ts";
import { RunSecrets } from "./run-secrets.ts";
import { Schedules } from "./schedules.ts";
import { Sources } from "./sources.ts";
import { workflowProgram } from "./workflow-program.ts";

const TICKET_KEY = "ci.ticketKey";
const SWEEP_EVERY_MS = 3_600_000;

export interface CiRunsOptions {
  readonly store: Pick<Store, "ciRuns" | "settings">;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly services: SessionServices;
  readonly sealedValues: SealedValues;
  readonly repositories?: CiRepositories;
  readonly git?: CiGit;
  readonly observers: readonly RunObserver[];
  /** Of uploaded archives, artifacts and caches. */
  readonly folder: string;
  /** Jobs at work at a time. */
  readonly maxConcurrentJobs: number;
  readonly settings: RunSettings;
  readonly redactor?: Redactor;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface OpenCiRuns extends CiService {
  /** Lets go of what a run held; for the engine's `onEnd`. Runs of other programs are none of its business. */
  onRunEnd(run: Run): Promise<void>;
  /** Makes the engine know what workflows are, once {@link onRunEnd} is told of ends: runs that the last server left go on. */
  takeUp(): Promise<void>;
}

/** Runs of workflows over the engine. Dispose of it before the engine; runs under way go on with the next one. */
export async function createCiRuns(options: CiRunsOptions): Promise<OpenCiRuns> {
  const { store, engine, clock, logger, repositories, git, folder } = options;
  const keeper = new RecordKeeper({ store: store.ciRuns, clock, logger, observers: options.observers });
  const signal = async (tenantId: string, runId: string, name: string, payload: unknown) => {
    try {
      await engine.signal(tenantId, runId, name, payload);
    } catch (error) {
      if (!isGloveboxError(error, "conflict") && !isGloveboxError(error, "not_found")) throw error;
    }
  };
  // A turn comes free in the midst of a program, whose context may not do what signalling does.
  const outside = AsyncLocalStorage.snapshot();
  const slots = new JobSlots(options.maxConcurrentJobs, ({ tenantId, runId, key }) => {
    const tell = () => signal(tenantId, runId, `turn:${key}`, { atMs: clock.nowMs() });
    void outside(tell).catch((error: unknown) => {
      // The run asks again when it is taken up; its place is free until then.
      logger.error({ runId, job: key, error: toGloveboxError(error).message }, "could not give a job its turn");
      slots.release({ runId, key });
    });
  });
  const groups = new ConcurrencyGroups(store.ciRuns, {
    go: ({ tenantId, runId, jobKey }, group) => signal(tenantId, runId, `group:${jobKey}`, { group }),
    end: ({ tenantId, runId, jobKey }) => signal(tenantId, runId, cancelSignal(jobKey), { reason: REPLACED }),
    isLive: ({ tenantId, runId }) => isLive(engine, tenantId, runId),
  });
  const sources = new Sources({ folder: join(folder, "sources"), store: store.ciRuns, git, clock });
  const secrets = new RunSecrets({ values: options.sealedValues, store: store.ciRuns, clock });
  const storageFolder = join(folder, "storage");
  const ticketKey = await ticketKeyOf(store.settings);
  const program = workflowProgram(
    {
      sandboxes: options.sandboxes,
      store: store.ciRuns,
      keeper,
      slots,
      groups,
      sources,
      secrets,
      storage: (scope) => folderStorage(storageFolder, scope, { clock, key: ticketKey }),
      repositories,
      git,
      clock,
      signal,
    },
    ticketKey,
  );
  const { redactor, settings } = options;
  const starter = new RunStarter({ engine, program, store: store.ciRuns, clock, redactor, ticketKey, settings });
  const schedules =
    repositories === undefined || git === undefined
      ? undefined
      : new Schedules({ starter, sources, repositories, git, settings: store.settings, clock, logger });
  const runs = new CiRuns({
    ...options,
    store: store.ciRuns,
    keeper,
    starter,
    sources,
    secrets,
    repositories,
    git,
    schedules,
  });
  const finished = (run: CiRun) => {
    for (const observer of options.observers) observer.ended(run);
  };
  const sweep = () =>
    void sweepAll({ sources, secrets, folder: storageFolder, store: store.ciRuns, clock }).catch((error: unknown) => {
      logger.warn({ error: toGloveboxError(error).message }, "could not remove unused uploads of CI");
    });
  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  timer.unref();
  const onRunEnd = async (run: Run) => {
    if (run.program !== CI_WORKFLOW) return;
    slots.releaseRun(run.id);
    await groups.leaveAll(run.tenantId, run.id);
    const record = await settle(store.ciRuns, run, clock.nowMs());
    keeper.forget(run.id);
    if (record !== undefined) finished(record);
  };
  return Object.assign(runs, {
    onRunEnd,
    async takeUp() {
      engine.register(program as Program);
      await recover({ store, engine, onRunEnd });
      await groups.recover();
      void schedules?.look();
      sweep();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await schedules?.[Symbol.asyncDispose]();
      await keeper[Symbol.asyncDispose]();
    },
  });
}

const REPLACED = "a newer run of its concurrency group took its place";

/** A run itself is told as its `watch` waits for it. */
function cancelSignal(jobKey: string): string {
  return jobKey === RUN_KEY ? "cancel" : `cancel:${jobKey}`;
}

async function isLive(engine: DurableEngine, tenantId: string, runId: string): Promise<boolean> {
  try {
    const { status } = await engine.get(tenantId, runId);
    return status === "queued" || status === "running" || status === "waiting";
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return false;
    throw error;
  }
}

/** The record of a run that has ended: one that was ended from outside has not said so itself. */
async function settle(store: Store["ciRuns"], run: Run, nowMs: number): Promise<CiRun | undefined> {
  const record = await store.get(run.tenantId, run.id);
  if (record === undefined || record.status === "completed") return record;
  const conclusion = run.status === "cancelled" ? "cancelled" : "failure";
  const error = run.error?.message ?? "the run was ended";
  const completed: CiRun = {
    ...record,
    status: "completed",
    conclusion,
    error,
    endedAtMs: nowMs,
    updatedAtMs: nowMs,
    jobs: record.jobs.map(({ waitsFor: _nothing, ...job }) =>
      job.status === "completed" ? job : { ...job, status: "completed", conclusion: "cancelled", error },
    ),
  };
  await store.put(completed);
  return completed;
}

/** Runs that ended while nobody was told: a crash came in between. */
async function recover({
  store,
  engine,
  onRunEnd,
}: {
  readonly store: Pick<Store, "ciRuns">;
  readonly engine: DurableEngine;
  readonly onRunEnd: (run: Run) => Promise<void>;
}): Promise<void> {
  for (const { tenantId, id } of await store.ciRuns.unfinished()) {
    if (await isLive(engine, tenantId, id)) continue;
    const run = await engine.get(tenantId, id).catch(() => undefined);
    if (run !== undefined) await onRunEnd(run);
  }
}

async function sweepAll({
  sources,
  secrets,
  folder,
  store,
  clock,
}: {
  readonly sources: Sources;
  readonly secrets: RunSecrets;
  readonly folder: string;
  readonly store: Pick<Store["ciRuns"], "inUse">;
  readonly clock: Clock;
}): Promise<void> {
  await sources.sweep();
  await secrets.sweep(await sources.tenants());
  await sweepStorage(folder, { inUse: (ids) => store.inUse("id", ids), nowMs: clock.nowMs() });
}

/** Made at the first start on a data folder; whoever can read the folder can begin runs anyway. */
async function ticketKeyOf(settings: Store["settings"]): Promise<Buffer> {
  const known = await settings.get(TICKET_KEY);
  if (typeof known === "string") return Buffer.from(known, "base64");
  const key = randomBytes(32);
  await settings.set(TICKET_KEY, key.toString("base64"));
  return key;
}
