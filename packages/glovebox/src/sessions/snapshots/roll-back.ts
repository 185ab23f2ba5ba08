import { rm } from "node:fs/promises";
import { GloveboxError, newId, type Session, type Snapshot, toTimestamp } from "../../core/index.ts";
import { combineSnapshots, type Sandbox, type SnapshotKind } from "../../sandbox/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { makeBench } from "../lifecycle/open-session.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import { scratchDir, snapshotDir } from "./folders.ts";
import { inheritedBy, wasBusy } from "./inherited.ts";
import { type NextSandbox, nextSandbox } from "./next-sandbox.ts";
import type { SnapshotParts } from "./parts.ts";
import { pruneAutomatic } from "./prune.ts";
import { removeSnapshot } from "./remove-snapshot.ts";
import { asSpaceError, takeSnapshot } from "./take-snapshot.ts";
import { timed } from "./timed.ts";

export interface RolledBack {
  readonly session: Session;
  /** Rolling back to this one undoes it. */
  readonly undo: Snapshot;
}

export interface RollbackWish {
  readonly paths?: readonly string[] | undefined;
  /** What is kept of the present, to undo it. */
  readonly keep: SnapshotKind;
  readonly why: string;
}

/**
 * Puts a session into the state of a snapshot, or chosen paths of its workspace: a new sandbox with a new workspace is made beside the
 * old one, and the session's row, in one write, says which of the two it has. A server that dies before leaves the old, after it the new.
 * Nothing may run in the session; what its programs started goes. What the snapshot has of memory and processes goes on.
 */
export function rollBack(
  parts: SnapshotParts,
  session: LiveSession,
  snapshot: Snapshot,
  options: RollbackWish,
): Promise<RolledBack> {
  return timed(parts.room, "rollback", session.row.isolation, () => putBack(parts, session, snapshot, options));
}

async function putBack(
  parts: SnapshotParts,
  session: LiveSession,
  snapshot: Snapshot,
  options: RollbackWish,
): Promise<RolledBack> {
  const { room, isolations } = parts;
  const old = session.bench.sandbox;
  const { pause } = await isolations.require(session.row.isolation);
  const { keep, why } = options;
  session.rollingBack = true;
  let undo: Snapshot | undefined;
  try {
    // What its daemons would still write would be lost.
    if (pause) await old.pause();
    undo = await takeSnapshot(parts, session, { origin: "before_rollback", kind: keep, description: why });
    const scratch = scratchDir(room.dataDir, session.id, newId());
    try {
      const from = await sourceOf(parts, { session, snapshot, undo, paths: options.paths, scratch });
      await switchTo(parts, session, snapshot, { from, whole: options.paths === undefined });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    await tell(session, snapshot, undo, options);
    // It is rolled back: that older ones could not be removed is no failure of that.
    await pruneAutomatic(room, session).catch((error: unknown) => {
      room.logger.warn({ sessionId: session.id, err: error }, "older snapshots could not be removed");
    });
    return { session: session.row, undo };
  } catch (error) {
    if (session.bench.sandbox === old && !session.closing) {
      await old.resume().catch(() => {});
      // There is nothing to undo.
      if (undo !== undefined) await removeSnapshot(room, undo).catch(() => {});
    }
    throw asSpaceError(error);
  } finally {
    session.rollingBack = false;
    session.touch();
  }
}

/** The folder to restore from: the snapshot's, or one in which chosen paths are as there and the rest is as now. */
async function sourceOf(
  { room, ending }: SnapshotParts,
  what: {
    readonly session: LiveSession;
    readonly snapshot: Snapshot;
    readonly undo: Snapshot;
    readonly paths: readonly string[] | undefined;
    readonly scratch: string;
  },
): Promise<string> {
  const { session, snapshot, undo, paths, scratch } = what;
  const chosen = snapshotDir(room.dataDir, snapshot);
  if (paths === undefined) return chosen;
  const present = snapshotDir(room.dataDir, undo);
  const { isolation } = session.row;
  await combineSnapshots({ isolation, present, chosen, paths, into: scratch, signal: ending });
  return scratch;
}

async function switchTo(
  parts: SnapshotParts,
  session: LiveSession,
  snapshot: Snapshot,
  { from, whole }: { readonly from: string; readonly whole: boolean },
): Promise<void> {
  const { room, isolations, ending } = parts;
  const before = { bench: session.bench, dir: (await room.store.sessions.internals(session.id))?.workspaceDir };
  const next = await nextSandbox(parts, session.row, session.template, { like: session.row, again: true });
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await isolations.driver(session.row.isolation).restore(from, next.spec, ending);
    const busy = whole && (await wasBusy(room, snapshot));
    const row = await commit(session, snapshot, next, sandbox);
    const bench = makeBench(room, row, next.network, sandbox, session.detaching.signal);
    parts.keeper.replace(session, { bench, redactor: next.network.redactor, offer: next.network.offer, row });
    session.inherit({ busy });
    bench.lose(before.bench.languages.filter((language) => !bench.has(language)));
  } catch (error) {
    next.network.close();
    await sandbox?.destroy();
    await removeWorkspace(next.spec.workspaceDir);
    throw error;
  }
  await before.bench.sandbox.destroy();
  if (before.dir !== undefined) await removeWorkspace(before.dir);
}

/** From this write on, the session's state is the snapshot's. */
async function commit(
  { room, row }: LiveSession,
  snapshot: Snapshot,
  { spec }: NextSandbox,
  sandbox: Sandbox,
): Promise<Session> {
  const updated = await room.store.sessions.update(
    row.tenantId,
    row.id,
    { limitsApplied: [...sandbox.limitsApplied], lastActivityAt: toTimestamp(room.clock.nowMs()) },
    {
      from: ["ready"],
      internals: {
        workspaceDir: spec.workspaceDir,
        sandboxRecord: sandbox.record,
        snapshotId: snapshot.id,
        ...inheritedBy(sandbox),
      },
    },
  );
  if (updated !== undefined) return updated;
  throw new GloveboxError("session_not_ready", "the session ended while it was rolled back");
}

async function tell(
  session: LiveSession,
  snapshot: Snapshot,
  undo: Snapshot,
  { paths, why }: RollbackWish,
): Promise<void> {
  const { tenantId, id } = session.row;
  const what = paths === undefined ? "rolled back" : `rolled back in ${paths.length} paths`;
  const memory = snapshot.kind === "memory" && paths === undefined;
  const state = memory ? "; kernels and programs go on from there" : "; kernels begin anew, without their state";
  await session.room.store.events.append(sessionStream(tenantId, id), [
    {
      type: "system",
      payload: {
        level: "warn",
        code: "session_rolled_back",
        message: `${what} to snapshot ${snapshot.id} (${why})${state}`,
        details: {
          snapshotId: snapshot.id,
          undoSnapshotId: undo.id,
          ...(paths !== undefined && { paths: [...paths] }),
        },
      },
    },
  ]);
}
