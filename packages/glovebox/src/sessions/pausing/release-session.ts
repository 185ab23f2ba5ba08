import { GloveboxError, type Session, type Snapshot, toTimestamp } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import { takeUp } from "../recovery/take-up.ts";
import type { SnapshotParts } from "../snapshots/parts.ts";
import { checkSnapshotQuota } from "../snapshots/quota.ts";
import { removeSnapshot } from "../snapshots/remove-snapshot.ts";
import { takeSnapshot } from "../snapshots/take-snapshot.ts";
import { tell } from "./stand-still.ts";

/**
 * Keeps a session's whole state in a snapshot and gives its sandbox up. Its executions are left as a server leaves them that shuts down, so that
 * they go on from the byte where they stood. One write of the session's row says which of the two it has; until then a failure takes the sandbox up again.
 */
export async function releaseSession(parts: SnapshotParts, session: LiveSession): Promise<Session> {
  const { room, keeper } = parts;
  const { tenantId, id } = session.row;
  const { sandbox } = session.bench;
  const before = await room.store.sessions.internals(id);
  await checkSnapshotQuota(room, tenantId, 0);
  // What it prints from here on is in the snapshot, and nobody has read it.
  await keeper.leave(session);
  let snapshot: Snapshot | undefined;
  let row: Session;
  try {
    snapshot = await takeSnapshot(parts, session, { origin: "release", kind: "memory" });
    row = await commit(session, snapshot);
  } catch (error) {
    if (snapshot !== undefined) await removeSnapshot(room, snapshot).catch(() => {});
    await takeBack(parts, session);
    throw error;
  }
  session.row = row;
  await sandbox.destroy();
  keeper.forget(session);
  if (before !== undefined) await removeWorkspace(before.workspaceDir);
  await tell({ room, row }, "session_paused", "paused; its memory is on disk", {
    release: true,
    snapshotId: snapshot.id,
  });
  return row;
}

async function commit({ room, row, closing }: LiveSession, { id: releasedTo }: Snapshot): Promise<Session> {
  const patch = { status: "paused", lastActivityAt: toTimestamp(room.clock.nowMs()) } as const;
  const updated = closing
    ? undefined
    : await room.store.sessions.update(row.tenantId, row.id, patch, {
        from: ["ready", "paused"],
        internals: { releasedTo, sandboxRecord: undefined },
      });
  if (updated !== undefined) return updated;
  throw new GloveboxError("session_not_ready", "the session ended while it was paused");
}

/** As after a restart. */
async function takeBack({ room, keeper }: SnapshotParts, session: LiveSession): Promise<void> {
  if (session.closing) return;
  const { sandbox } = session.bench;
  // One that ended meanwhile is not found again: its session is closed with that reason.
  if (session.sandboxEnd === undefined) await sandbox.detach();
  else await sandbox.destroy();
  keeper.forget(session);
  await takeUp({ room, keeper }, session.row, sandbox.record, "it could not be paused");
}
