import { GloveboxError, type Isolation, type Session } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import type { SnapshotParts } from "../snapshots/parts.ts";
import { closeReleased } from "./close-released.ts";
import { Lifetimes } from "./lifetimes.ts";
import { releaseSession } from "./release-session.ts";
import { restoreReleased } from "./restore-released.ts";
import { goOn, standStill } from "./stand-still.ts";

/** Sessions that stand still: with their sandbox, or without one, when their memory was given back. */
export class Pausing {
  readonly #parts: SnapshotParts;
  readonly #lifetimes: Lifetimes;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#lifetimes = new Lifetimes(parts.room.clock, async ({ tenantId, id }) => {
      await this.close(tenantId, id, "lifetime");
    });
  }

  /**
   * Idempotent; one that is paused can still be released. Errors: `not_supported_by_isolation`, `session_not_ready`, `conflict` while an execution has
   * the session's turn, or a deadline of its own; with `release` those of a snapshot: the session goes on then.
   */
  async pause(tenantId: string, id: string, { release = false } = {}): Promise<Session> {
    await this.#require((await this.#row(tenantId, id)).isolation, release);
    return this.#parts.inTurn.run(id, async () => {
      const { registry } = this.#parts.keeper;
      const row = await this.#row(tenantId, id);
      const paused = row.status === "paused" ? registry.find(tenantId, id) : undefined;
      if (row.status === "paused" && (paused === undefined || !release)) return row;
      const session = paused ?? (await registry.ready(tenantId, id));
      session.pausing = true;
      try {
        requireQuiet(session);
        if (!release) return await standStill(session);
        const released = await releaseSession(this.#parts, session);
        this.#lifetimes.watch(released);
        return released;
      } finally {
        session.pausing = false;
      }
    });
  }

  /** Idempotent. Errors: `session_not_ready` for one that is over; of one without a sandbox `resource_exhausted`, `snapshot_corrupt`, `snapshot_incompatible`: it stays paused. */
  resume(tenantId: string, id: string): Promise<Session> {
    return this.#parts.inTurn.run(id, async () => {
      const { registry } = this.#parts.keeper;
      const row = await this.#row(tenantId, id);
      if (row.status !== "paused") return (await registry.ready(tenantId, id)).row;
      const session = registry.find(tenantId, id);
      if (session !== undefined) return await goOn(session);
      const resumed = await restoreReleased(this.#parts, row);
      this.#lifetimes.forget(id);
      return resumed;
    });
  }

  /** Ends one that has no sandbox, once what is done with it is done; or what became of it meanwhile. */
  async close(tenantId: string, id: string, by: string): Promise<Session> {
    const { keeper, inTurn, room } = this.#parts;
    return inTurn.run(id, async () => {
      const live = keeper.registry.find(tenantId, id);
      if (live !== undefined) return keeper.close(live, by);
      const row = await this.#row(tenantId, id);
      if (row.status !== "paused") return row;
      this.#lifetimes.forget(id);
      return closeReleased(room, row, by);
    });
  }

  /** After a restart: a session without a sandbox stays so, and its lifetime counts. Gives whether it is one. */
  async takeUp(row: Session): Promise<boolean> {
    if (row.status !== "paused") return false;
    if ((await this.#parts.room.store.sessions.internals(row.id))?.releasedTo === undefined) return false;
    this.#lifetimes.watch(row);
    return true;
  }

  /** Whether it waits without a sandbox. */
  isReleased(id: string): boolean {
    return this.#lifetimes.has(id);
  }

  [Symbol.dispose](): void {
    this.#lifetimes[Symbol.dispose]();
  }

  async #require(isolation: Isolation, release: boolean): Promise<void> {
    const { pause, snapshot } = await this.#parts.isolations.require(isolation);
    if (pause && (!release || snapshot === "memory")) return;
    const what = release ? "give a session's memory back and keep its state" : "pause a session";
    throw new GloveboxError("not_supported_by_isolation", `'${isolation}' cannot ${what}`, {
      details: { isolation, what: "pause", release },
    });
  }

  async #row(tenantId: string, id: string): Promise<Session> {
    const row = await this.#parts.room.store.sessions.get(tenantId, id);
    if (row === undefined) throw new GloveboxError("not_found", `no session ${id}`);
    return row;
  }
}

/** Deadlines count on while a sandbox stands still, so only what has none may stand still with it. */
function requireQuiet(session: LiveSession): void {
  const timed = [...session.runs.values()].some(({ hasDeadline }) => hasDeadline);
  if (!session.turn.busy && !timed) return;
  throw new GloveboxError(
    "conflict",
    "an execution runs in the session: wait for it, or cancel it; background commands without a deadline may run",
  );
}
