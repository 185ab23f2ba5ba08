import { rm } from "node:fs/promises";
import { GloveboxError, newId, type Session, type Snapshot, toTimestamp } from "../../core/index.ts";
import { combineSnapshots, type Sandbox } from "../../sandbox/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { makeBench } from "../lifecycle/open-session.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import { scratchDir, snapshotDir } from "./folders.ts";
import { type NextSandbox, nextSandbox } from "./next-sandbox.ts";
import type { SnapshotParts } from "./parts.ts";
import { pruneAutomatic } from "./prune.ts";
import { asSpaceError, takeSnapshot } from "./take-snapshot.ts";

export interface RolledBack {
  readonly session: Session;
  /** Rolling back to this one undoes it. */
  readonly undo: Snapshot;
}

/**
 * Puts a session into the state of a snapshot, or chosen paths of its workspace: a new sandbox with a new workspace is made beside the
 * old one, and the session's row, in one write, says which of the two it has. A server that dies before leaves the old, after it the new.
 * Nothing may run in the session; what its programs started goes.
 */
export async function rollBack(
  parts: SnapshotParts,
  session: LiveSession,
  snapshot: Snapshot,
  options: { readonly paths?: readonly string[] | undefined; readonly why: string },
): Promise<RolledBack> {
  const { room, isolations } = parts;
  const old = session.bench.sandbox;
  const { pause } = await isolations.require(session.row.isolation);
  session.rollingBack = true;
  try {
    // What its daemons would still write would be lost.
    if (pause) await old.pause();
    const undo = await takeSnapshot(parts, session, { origin: "before_rollback", description: options.why });
    const scratch = scratchDir(room.dataDir, session.id, newId());
    try {
      const from = await sourceOf(parts, { session, snapshot, undo, paths: options.paths, scratch });
      await switchTo(parts, session, snapshot, from);
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
    if (session.bench.sandbox === old && !session.closing) await old.resume().catch(() => {});
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
  if (snapshot.kind !== "files") {
    throw new GloveboxError("not_supported_by_isolation", "a snapshot of memory is rolled back to as a whole");
  }
  const present = snapshotDir(room.dataDir, undo);
  const { isolation } = session.row;
  await combineSnapshots({ isolation, present, chosen, paths, into: scratch, signal: ending });
  return scratch;
}

async function switchTo(parts: SnapshotParts, session: LiveSession, snapshot: Snapshot, from: string): Promise<void> {
  const { room, isolations, ending } = parts;
  const before = { bench: session.bench, dir: (await room.store.sessions.internals(session.id))?.workspaceDir };
  const next = await nextSandbox(parts, session.row, session.template, { like: session.row, again: true });
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await isolations.driver(session.row.isolation).restore(from, next.spec, ending);
    const row = await commit(session, snapshot, next, sandbox);
    const bench = makeBench(room, row, next.network, sandbox, session.detaching.signal);
    bench.lose(before.bench.languages);
    parts.keeper.replace(session, { bench, redactor: next.network.redactor, row });
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
      internals: { workspaceDir: spec.workspaceDir, sandboxRecord: sandbox.record, snapshotId: snapshot.id },
    },
  );
  if (updated !== undefined) return updated;
  throw new GloveboxError("session_not_ready", "the session ended while it was rolled back");
}

async function tell(
  session: LiveSession,
  snapshot: Snapshot,
  undo: Snapshot,
  { paths, why }: { readonly paths?: readonly string[] | undefined; readonly why: string },
): Promise<void> {
  const { tenantId, id } = session.row;
  const what = paths === undefined ? "rolled back" : `rolled back in ${paths.length} paths`;
  const state = snapshot.kind === "files" ? "; kernels begin anew, without their state" : "";
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
