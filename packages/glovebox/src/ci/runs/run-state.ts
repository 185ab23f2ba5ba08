import type { CiJob, Clock } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { Sandboxes } from "../../runs/index.ts";
import type { CiRunStore } from "../../store/index.ts";
import type { StorageScope } from "../toolkit/folder-storage.ts";
import type { JobStorage } from "../toolkit/job-storage.ts";
import type { ConcurrencyGroups } from "./concurrency-groups.ts";
import type { JobSlots } from "./job-slots.ts";
import type { CiGit, CiRepositories, CiRepository } from "./ports.ts";
import type { RecordKeeper } from "./record-keeper.ts";
import type { CiRunInput } from "./run-input.ts";
import type { RunSecrets } from "./run-secrets.ts";
import type { Sources } from "./sources.ts";

/** What the program of a workflow's run works with. */
export interface RunParts {
  readonly sandboxes: Sandboxes;
  readonly store: CiRunStore;
  readonly keeper: RecordKeeper;
  readonly slots: JobSlots;
  readonly groups: ConcurrencyGroups;
  readonly sources: Sources;
  readonly secrets: RunSecrets;
  /** What jobs keep for other jobs. */
  readonly storage: (scope: StorageScope) => JobStorage;
  readonly repositories: CiRepositories | undefined;
  readonly git: CiGit | undefined;
  readonly clock: Clock;
  /** Of another run or of this one; a run that has ended meanwhile is none of the caller's business. */
  signal(tenantId: string, runId: string, signal: string, payload: unknown): Promise<void>;
}

/** One run, as its program has it in memory; made anew from the journal in every life. */
export class RunState {
  readonly parts: RunParts;
  readonly input: CiRunInput;
  readonly runId: string;
  readonly tenantId: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly repository: CiRepository | undefined;
  /** Why the run is to end, once somebody wants that. */
  cancelled: string | undefined;
  /** Jobs that can be told to end, as they wait for the signal `cancel:KEY`, with the job that calls their workflow. */
  readonly #live = new Map<string, string | undefined>();
  /** Jobs that were told to end, and why: a workflow that one of them calls begins nothing more. */
  readonly #ending = new Map<string, string>();
  /** Of called workflows: the caller's caller. */
  readonly #callers = new Map<string, string | undefined>();

  constructor(
    parts: RunParts,
    context: ProgramContext,
    input: CiRunInput,
    known: { readonly vars: Readonly<Record<string, string>>; readonly repository: CiRepository | undefined },
  ) {
    this.parts = parts;
    this.input = input;
    this.runId = context.runId;
    this.tenantId = context.tenantId;
    this.vars = known.vars;
    this.repository = known.repository;
  }

  get liveKeys(): readonly string[] {
    return [...this.#live.keys()];
  }

  isLive(key: string): boolean {
    return this.#live.has(key);
  }

  /** While this lasts, `cancel:KEY` reaches the job. `caller`: the job that calls its workflow. */
  live(key: string, caller: string | undefined): Disposable {
    this.#live.set(key, caller);
    this.#callers.set(key, caller);
    return { [Symbol.dispose]: () => void this.#live.delete(key) };
  }

  /** These jobs are to end; gives them, and the jobs of the workflows that they call. */
  ending(keys: readonly string[], reason: string): readonly string[] {
    for (const key of keys) this.#ending.set(key, reason);
    return this.liveKeys.filter((key) => this.endingReason(key) !== undefined);
  }

  /** Why a job, or one that it is called by, or the run is to end. */
  endingReason(key: string | undefined): string | undefined {
    for (let at = key; at !== undefined; at = this.#callers.get(at)) {
      const reason = this.#ending.get(at);
      if (reason !== undefined) return reason;
    }
    return this.cancelled;
  }

  job(key: string, change: (job: CiJob) => CiJob): void {
    this.parts.keeper.job(this.runId, key, change);
  }
}

/** Tells jobs to end, with those of the workflows that they call, as a step of that name. */
export async function cancelJobs(
  context: ProgramContext,
  state: RunState,
  name: string,
  jobs: readonly string[],
  reason: string,
): Promise<void> {
  const keys = state.ending(jobs, reason);
  if (keys.length === 0) return;
  await context.step(name, { keys, reason }, async (given) => {
    await Promise.all(
      given.keys.map((key) =>
        state.parts.signal(state.tenantId, state.runId, `cancel:${key}`, { reason: given.reason }),
      ),
    );
    return null;
  });
}
