import { GloveboxError, type Session, type Snapshot, toGloveboxError, toTimestamp } from "../../core/index.ts";
import type { Sandbox } from "../../sandbox/index.ts";
import { sessionLimitsOf } from "../lifecycle/session-spec.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import { reattachSession } from "../recovery/reattach-session.ts";
import { snapshotDir } from "../snapshots/folders.ts";
import { type NextSandbox, nextSandbox } from "../snapshots/next-sandbox.ts";
import type { SnapshotParts } from "../snapshots/parts.ts";
import { removeSnapshot } from "../snapshots/remove-snapshot.ts";
import { requireMemory } from "../snapshots/require-memory.ts";
import { tell } from "./stand-still.ts";

/**
 * Gives a session without a sandbox one again, in which it goes on where it stood; its executions go on as after a restart of the server. The
 * snapshot that it was kept in goes. Errors: as of `Pausing.resume`.
 */
export async function restoreReleased(parts: SnapshotParts, paused: Session): Promise<Session> {
  const { room, keeper } = parts;
  const { store } = room;
  const { tenantId, id } = paused;
  const before = await store.sessions.internals(id);
  const snapshot = await store.snapshots.get(tenantId, before?.releasedTo ?? "");
  const template = await store.templates.get(tenantId, paused.templateId, paused.templateVersion);
  if (before === undefined || snapshot === undefined || template === undefined) {
    throw new GloveboxError("session_not_ready", "what the session was made from, or kept in, is gone");
  }
  await using undo = new AsyncDisposableStack();
  const quota = undo.use(keeper.quotas.take(tenantId, sessionLimitsOf(template, paused.limitsApplied)));
  await requireMemory(parts, snapshot, 1);
  const next = await nextSandbox(parts, paused, template, { like: paused, again: true });
  undo.defer(async () => {
    next.network.close();
    await removeWorkspace(next.spec.workspaceDir);
  });
  const driver = parts.isolations.driver(paused.isolation);
  const sandbox = undo.use(await driver.restore(snapshotDir(room.dataDir, snapshot), next.spec, parts.ending));
  const row = await commit(parts, paused, next, sandbox);
  undo.move();
  const found = { sandbox, template, network: next.network, quota };
  await goOn(parts, row, found, snapshot);
  if (before.workspaceDir !== next.spec.workspaceDir) await removeWorkspace(before.workspaceDir);
  return row;
}

async function commit(
  { room }: SnapshotParts,
  { tenantId, id }: Session,
  { spec }: NextSandbox,
  sandbox: Sandbox,
): Promise<Session> {
  const row = await room.store.sessions.update(
    tenantId,
    id,
    {
      status: "ready",
      limitsApplied: [...sandbox.limitsApplied],
      lastActivityAt: toTimestamp(room.clock.nowMs()),
    },
    {
      from: ["paused"],
      internals: { workspaceDir: spec.workspaceDir, sandboxRecord: sandbox.record, releasedTo: undefined },
    },
  );
  if (row !== undefined) return row;
  throw new GloveboxError("session_not_ready", "the session ended while it was resumed");
}

async function goOn(
  { room, keeper }: SnapshotParts,
  row: Session,
  found: Parameters<typeof reattachSession>[2],
  snapshot: Snapshot,
): Promise<void> {
  try {
    await reattachSession({ room, keeper }, row, found);
    await tell({ room, row }, "session_resumed", "goes on", { release: true });
  } catch (error) {
    const session = keeper.registry.find(row.tenantId, row.id);
    if (session !== undefined) await keeper.crash(session, toGloveboxError(error));
    else await found.sandbox.destroy();
    throw error;
  }
  // It goes on already: what cannot be removed now is there to be deleted by hand.
  await removeSnapshot(room, snapshot).catch((error: unknown) => {
    room.logger.warn({ sessionId: row.id, err: error }, "the snapshot of a resumed session could not be removed");
  });
}
