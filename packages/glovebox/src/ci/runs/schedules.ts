import { Cron } from "croner";
import { type Clock, type Logger, toGloveboxError } from "../../core/index.ts";
import type { SettingsStore } from "../../store/index.ts";
import { fileReader } from "../workflow/read-files.ts";
import type { RunStarter } from "./begin-runs.ts";
import type { CiGit, CiRepositories, CiRepository } from "./ports.ts";
import type { Sources } from "./sources.ts";

const TICK_MS = 15_000;
/** How old what is known of a repository's schedules may be, milliseconds; a push to its default branch is looked at at once. */
const STALE_MS = 3_600_000;
/** What was due while no server ran is made good when it is not older than that, once. */
const LATE_MS = 3_600_000;
const READ_TIMEOUT_MS = 120_000;
const SETTING = "ci.schedules.checkedMs";

interface Entry {
  readonly path: string;
  readonly cron: string;
  readonly timezone: string | undefined;
}

interface Known {
  readonly atMs: number;
  readonly entries: readonly Entry[];
}

/**
 * Begins the workflows of default branches that are `on: schedule`. What was due is known from the time of the last look, which is kept: so nothing is begun twice, and what a
 * restart made late still is begun.
 */
export class Schedules implements AsyncDisposable {
  readonly #parts: {
    readonly starter: RunStarter;
    readonly sources: Sources;
    readonly repositories: CiRepositories;
    readonly git: CiGit;
    readonly settings: SettingsStore;
    readonly clock: Clock;
    readonly logger: Logger;
  };
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly starter: RunStarter;
    readonly sources: Sources;
    readonly repositories: CiRepositories;
    readonly git: CiGit;
    readonly settings: SettingsStore;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.look(), TICK_MS);
    this.#timer.unref();
  }

  /** A repository's files may have changed: they are read again at the next look. */
  changed(repositoryId: string): void {
    this.#known.delete(repositoryId);
  }

  /** Begins what has come due since the last look. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      try {
        if (!this.#stop.signal.aborted) await this.#look();
      } catch (error) {
        this.#parts.logger.warn({ error: toGloveboxError(error).message }, "could not look for scheduled workflows");
      }
    });
    return this.#looking;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { repositories, settings, clock, logger } = this.#parts;
    const nowMs = clock.nowMs();
    const checked = await settings.get(SETTING);
    const sinceMs = Math.max(typeof checked === "number" ? checked : nowMs, nowMs - LATE_MS);
    for (const repository of await repositories.all()) {
      try {
        for (const entry of await this.#entriesOf(repository, nowMs)) {
          const dueMs = lastDue(entry, sinceMs, nowMs);
          if (dueMs !== undefined) await this.#begin(repository, entry, dueMs);
        }
      } catch (error) {
        const { message } = toGloveboxError(error);
        logger.warn({ repository: repository.fullName, error: message }, "could not look at a repository's schedules");
      }
    }
    await settings.set(SETTING, nowMs);
  }

  async #entriesOf(repository: CiRepository, nowMs: number): Promise<readonly Entry[]> {
    const known = this.#known.get(repository.id);
    if (known !== undefined && nowMs - known.atMs < STALE_MS) return known.entries;
    const files = await this.#files(repository);
    const read = files.map(async ({ file }) => {
      const { workflow } = await fileReader.workflow(file, this.#stop.signal);
      return (workflow?.on.schedule ?? []).map(({ cron, timezone }) => ({ path: file.path, cron, timezone }));
    });
    const entries = (await Promise.all(read)).flat();
    this.#known.set(repository.id, { atMs: nowMs, entries });
    return entries;
  }

  async #files({ tenantId, id, defaultBranch }: CiRepository) {
    const { git, sources } = this.#parts;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    const sha = await git.resolve(tenantId, id, `refs/heads/${defaultBranch}`, signal);
    const source = { kind: "repository", repositoryId: id, sha } as const;
    return (await sources.workflows(tenantId, source, signal)).map((file) => ({ file, source }));
  }

  async #begin(repository: CiRepository, { path, cron }: Entry, dueMs: number): Promise<void> {
    const { id: repositoryId, tenantId, fullName, defaultBranch } = repository;
    const found = (await this.#files(repository)).find(({ file }) => file.path === path);
    if (found === undefined) return;
    const { file, source } = found;
    await this.#parts.starter.begin(
      tenantId,
      {
        repositoryId,
        repository: fullName,
        source,
        workflow: file,
        event: {
          name: "schedule",
          ref: `refs/heads/${defaultBranch}`,
          sha: source.sha,
          actor: "schedule",
          isFork: false,
        },
        payload: { schedule: cron, repository: { full_name: fullName, default_branch: defaultBranch } },
        inputs: {},
        vars: {},
      },
      { idempotencyKey: `ci/${repositoryId}/schedule/${dueMs}/${cron}/${path}` },
    );
  }
}

/** The last time at which a schedule was due, after `sinceMs` and not after `untilMs`. */
export function lastDue(
  { cron, timezone }: { readonly cron: string; readonly timezone?: string | undefined },
  sinceMs: number,
  untilMs: number,
): number | undefined {
  const times = new Cron(cron, { mode: "5-part", timezone: timezone ?? "UTC", paused: true });
  // Gives what is before a moment: with this millisecond, that one itself counts.
  const [last] = times.previousRuns(1, new Date(untilMs + 1));
  return last !== undefined && last.getTime() > sinceMs ? last.getTime() : undefined;
}
