import type { Snapshot } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import type { Room } from "../room.ts";
import { removeSnapshot } from "./remove-snapshot.ts";

/**
 * Removes a session's oldest automatic snapshots beyond the template's `snapshots.keep`: never one made by hand, the newest, the one that the state
 * comes from, or the one that `rollbackOnFailure` would go back to.
 */
export async function pruneAutomatic(room: Room, session: LiveSession): Promise<void> {
  const { keep } = session.template.snapshots;
  const all = await room.store.snapshots.all(session.id);
  const automatic = all.filter(({ origin }) => origin !== "manual");
  const excess = automatic.slice(0, Math.max(0, automatic.length - Math.max(1, keep)));
  if (excess.length === 0) return;
  const head = (await room.store.sessions.internals(session.id))?.snapshotId;
  const needed = new Set([head, knownGood(all, head)?.id]);
  for (const snapshot of excess) if (!needed.has(snapshot.id)) await removeSnapshot(room, snapshot);
}

/**
 * The nearest snapshot from which the state `head` comes that is no failure's: taken before an execution, after one that succeeded, or by
 * hand while nothing ran.
 */
export function knownGood(all: readonly Snapshot[], head: string | undefined): Snapshot | undefined {
  const byId = new Map(all.map((snapshot) => [snapshot.id, snapshot]));
  const seen = new Set<string>();
  for (let id = head; id !== undefined && !seen.has(id); id = byId.get(id)?.parentId) {
    seen.add(id);
    const snapshot = byId.get(id);
    if (snapshot === undefined) return undefined;
    const { origin, executionId } = snapshot;
    if (origin === "before_execution" || origin === "after_success") return snapshot;
    if (origin === "manual" && executionId === undefined) return snapshot;
  }
  return undefined;
}
