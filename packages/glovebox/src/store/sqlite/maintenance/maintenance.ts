import { type Clock, GloveboxError, type Logger } from "../../../core/index.ts";
import type { Maintenance, RetentionPolicy } from "../../store.ts";
import type { DataFolder } from "../data-folder.ts";
import type { EventReader } from "../events/event-reader.ts";
import type { MainReader } from "../main-reader.ts";
import type { MainWrites } from "../main-writes.ts";
import type { RunRemovals } from "../run-removals.ts";
import type { SqliteSettingsStore } from "../settings-store.ts";
import type { StreamRemovals } from "../stream-removals.ts";
import type { WriterThread } from "../writer-thread.ts";
import { backUp } from "./backup.ts";
import { sweep } from "./sweep.ts";

const SETTING = "retention";
const MAX_DAYS = 36_500;
/** Logs are large and soon useless; what was run, and what came of it, is small and asked for later. */
const DEFAULT_RETENTION: RetentionPolicy = { events: 30, executions: 90, closedSessions: 90, runs: 90 };

export interface MaintenanceParts {
  readonly folder: DataFolder;
  readonly reader: MainReader;
  readonly eventReader: EventReader;
  readonly writer: WriterThread;
  readonly writes: MainWrites;
  readonly removals: StreamRemovals;
  readonly runRemovals: RunRemovals;
  readonly settings: SqliteSettingsStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Sweeps and backups, one after the other: what a backup copies must not go away under it. */
export class SqliteMaintenance implements Maintenance, AsyncDisposable {
  readonly #parts: MaintenanceParts;
  readonly #ending = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  async retention(): Promise<RetentionPolicy> {
    const stored = (await this.#parts.settings.get(SETTING)) as Partial<RetentionPolicy> | undefined;
    // What an older version stored says nothing of what came later.
    return { ...DEFAULT_RETENTION, ...stored };
  }

  async setRetention(policy: RetentionPolicy): Promise<void> {
    const { events, executions, closedSessions, runs } = policy;
    for (const [path, days] of Object.entries({ events, executions, closedSessions, runs })) {
      if (days === null || (Number.isInteger(days) && days >= 0 && days <= MAX_DAYS)) continue;
      throw new GloveboxError("invalid_argument", `${path} must be a number of days from 0 to ${MAX_DAYS}, or null`, {
        details: { path },
      });
    }
    await this.#parts.settings.set(SETTING, { events, executions, closedSessions, runs });
  }

  async sweep(options: {
    readonly dryRun: boolean;
    readonly nowMs?: number;
  }): Promise<Readonly<Record<keyof RetentionPolicy, number>>> {
    return this.#inTurn(async () => {
      const policy = await this.retention();
      const nowMs = options.nowMs ?? this.#parts.clock.nowMs();
      return sweep(this.#parts, policy, { dryRun: options.dryRun, nowMs, signal: this.#ending.signal });
    });
  }

  async backup(file: string, signal?: AbortSignal): Promise<{ readonly bytes: number; readonly sha256: string }> {
    const ending = this.#ending.signal;
    const either = signal === undefined ? ending : AbortSignal.any([signal, ending]);
    return this.#inTurn(() => backUp(this.#parts.folder, file, this.#parts.clock.nowMs(), either));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#last;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
