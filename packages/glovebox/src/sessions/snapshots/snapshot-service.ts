import { rm } from "node:fs/promises";
import {
  GloveboxError,
  newId,
  type Session,
  type Snapshot,
  type SnapshotChange,
  type SnapshotInput,
  type Template,
} from "../../core/index.ts";
import { compareSnapshots } from "../../sandbox/index.ts";
import type { PageRequest } from "../../store/index.ts";
import { stopRuns } from "../lifecycle/end-session.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import type { SessionIdentity, SnapshotService } from "../services.ts";
import { scratchDir, snapshotDir } from "./folders.ts";
import { type Forked, forkSession } from "./fork-session.ts";
import { kindOf } from "./kind-of.ts";
import type { SnapshotParts } from "./parts.ts";
import { removeSnapshot } from "./remove-snapshot.ts";
import { type RolledBack, rollBack } from "./roll-back.ts";
import { takeSnapshot } from "./take-snapshot.ts";

/** The most changes that one comparison tells. */
const MAX_CHANGES = 10_000;
const MAX_FORKS = 64;

export class Snapshots implements SnapshotService {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  async create(tenantId: string, sessionId: string, input: SnapshotInput = {}): Promise<Snapshot> {
    const session = await this.#ready(tenantId, sessionId, "snapshot");
    const { memory, ...said } = input;
    const kind = await kindOf(this.#parts.isolations, session.row.isolation, memory);
    return this.#parts.inTurn.run(sessionId, async () => {
      const runs = [...session.runs.values()];
      const running = runs.find(({ background }) => !background) ?? runs[0];
      // Its state may be half of something: not one to go back to by itself.
      const executionId = running === undefined ? {} : { executionId: running.id };
      return takeSnapshot(this.#parts, session, { ...said, ...executionId, kind, origin: "manual" });
    });
  }

  async get(tenantId: string, sessionId: string, id: string): Promise<Snapshot> {
    const found = await this.#parts.room.store.snapshots.get(tenantId, id);
    if (found?.sessionId === sessionId) return found;
    throw new GloveboxError("not_found", `session ${sessionId} has no snapshot ${id}`);
  }

  async list(tenantId: string, sessionId: string, page?: PageRequest): ReturnType<SnapshotService["list"]> {
    await this.#row(tenantId, sessionId);
    const { store } = this.#parts.room;
    const head = (await store.sessions.internals(sessionId))?.snapshotId;
    const found = await store.snapshots.list(tenantId, sessionId, page);
    return { ...found, ...(head !== undefined && { head }) };
  }

  async diff(
    tenantId: string,
    sessionId: string,
    beforeId: string,
    afterId?: string,
  ): ReturnType<SnapshotService["diff"]> {
    const { room, inTurn, ending } = this.#parts;
    const before = await this.get(tenantId, sessionId, beforeId);
    const after = afterId === undefined ? undefined : await this.get(tenantId, sessionId, afterId);
    const session = after === undefined ? await this.#ready(tenantId, sessionId, "snapshot") : undefined;
    return inTurn.run(sessionId, async () => {
      const base = snapshotDir(room.dataDir, before);
      const scratch = scratchDir(room.dataDir, sessionId, newId());
      try {
        await session?.bench.sandbox.snapshot({ dir: scratch, base, kind: "files", signal: ending });
        const dir = after === undefined ? scratch : snapshotDir(room.dataDir, after);
        return take(await compareSnapshots(before.isolation, base, dir), MAX_CHANGES);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
  }

  async delete(tenantId: string, sessionId: string, id: string): Promise<void> {
    await this.#parts.inTurn.run(sessionId, async () => {
      const snapshot = await this.get(tenantId, sessionId, id);
      const { store } = this.#parts.room;
      if ((await store.sessions.internals(sessionId))?.releasedTo === id) {
        throw new GloveboxError("conflict", "the session is paused and has its memory in this snapshot");
      }
      await removeSnapshot(this.#parts.room, snapshot);
    });
  }

  async rollback(
    tenantId: string,
    sessionId: string,
    id: string,
    options: { readonly paths?: readonly string[]; readonly force?: boolean } = {},
  ): Promise<RolledBack> {
    const session = await this.#ready(tenantId, sessionId, "snapshot");
    await this.get(tenantId, sessionId, id);
    if (isBusy(session)) {
      if (options.force !== true) throw busyError();
      session.rollingBack = true;
      await stopRuns(session).finally(() => {
        session.rollingBack = false;
      });
      session.disinherit();
    }
    return this.#parts.inTurn.run(sessionId, async () => {
      // Asked again: it waited for other work on the session's snapshots.
      const now = await this.#ready(tenantId, sessionId, "snapshot");
      const snapshot = await this.get(tenantId, sessionId, id);
      if (isBusy(now)) throw busyError();
      // Chosen paths are put among the files of now; else all that there is can come back.
      const memory = options.paths === undefined ? undefined : false;
      const keep = await kindOf(this.#parts.isolations, now.row.isolation, memory);
      return rollBack(this.#parts, now, snapshot, { paths: options.paths, keep, why: "asked for" });
    });
  }

  async fork(
    tenantId: string,
    sessionId: string,
    options: { readonly count?: number; readonly snapshotId?: string; readonly as?: SessionIdentity } = {},
  ): Promise<Forked> {
    const { count = 1, snapshotId, as } = options;
    if (as !== undefined && count !== 1) {
      throw new GloveboxError("invalid_argument", "several cannot have one key", { details: { path: "count" } });
    }
    if (!Number.isInteger(count) || count < 1 || count > MAX_FORKS) {
      throw new GloveboxError("invalid_argument", `count is 1 to ${MAX_FORKS}`, { details: { path: "count" } });
    }
    const live = snapshotId === undefined ? await this.#ready(tenantId, sessionId, "fork") : undefined;
    const row = live?.row ?? (await this.#row(tenantId, sessionId));
    await this.#require(row, "fork");
    const template = live?.template ?? (await this.#template(row));
    return this.#parts.inTurn.run(sessionId, async () => {
      const source = live ?? (await this.get(tenantId, sessionId, snapshotId ?? ""));
      return forkSession(this.#parts, { row, template, as }, source, count);
    });
  }

  /** A session that takes work and whose isolation can do it. */
  async #ready(tenantId: string, id: string, what: "snapshot" | "fork"): Promise<LiveSession> {
    const session = await this.#parts.keeper.registry.ready(tenantId, id);
    await this.#require(session.row, what);
    session.touch();
    return session;
  }

  async #require(row: Session, what: "snapshot" | "fork"): Promise<void> {
    const capabilities = await this.#parts.isolations.require(row.isolation);
    if (capabilities[what] !== "none") return;
    throw new GloveboxError("not_supported_by_isolation", `'${row.isolation}' cannot ${what} a session`, {
      details: { isolation: row.isolation, what },
    });
  }

  async #row(tenantId: string, id: string): Promise<Session> {
    const row = await this.#parts.room.store.sessions.get(tenantId, id);
    if (row === undefined) throw new GloveboxError("not_found", `no session ${id}`);
    return row;
  }

  async #template({ tenantId, templateId, templateVersion }: Session): Promise<Template> {
    const found = await this.#parts.room.store.templates.get(tenantId, templateId, templateVersion);
    if (found === undefined) throw new GloveboxError("not_found", `template ${templateId} is gone`);
    return found;
  }
}

function isBusy(session: LiveSession): boolean {
  return session.runs.size > 0 || session.turn.busy;
}

function busyError(): GloveboxError {
  return new GloveboxError("conflict", "something runs in the session; ask with 'force' to end it first");
}

function take(changes: Iterable<SnapshotChange>, limit: number) {
  const items: SnapshotChange[] = [];
  for (const change of changes) {
    if (items.length === limit) return { items, truncated: true };
    items.push(change);
  }
  return { items, truncated: false };
}
