import { access, mkdir, rm } from "node:fs/promises";
import { GloveboxError, newId, type Snapshot, type SnapshotInput, toTimestamp } from "../../core/index.ts";
import { type SnapshotManifest, syncFolder } from "../../sandbox/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { sessionFolder, snapshotDir } from "./folders.ts";
import type { SnapshotParts } from "./parts.ts";
import { checkSnapshotQuota } from "./quota.ts";

/** Of one session. */
const MAX_SNAPSHOTS = 1_000;
/** One tenant's snapshots are counted one after the other, so that two do not both find room for the last byte. */
const COUNTING = "counting";

export interface Wanted extends SnapshotInput {
  readonly origin: Snapshot["origin"];
  readonly executionId?: string;
}

/** Freezes a session's state. Its folder is whole and on disk before its row is, which makes it exist. Runs in the session's turn for snapshots. */
export async function takeSnapshot(
  { room, inTurn, ending }: SnapshotParts,
  session: LiveSession,
  wanted: Wanted,
): Promise<Snapshot> {
  const { store, dataDir, clock } = room;
  const { tenantId, isolation } = session.row;
  const nowMs = clock.nowMs();
  const id = newId(nowMs);
  const dir = snapshotDir(dataDir, { sessionId: session.id, id });
  await checkSnapshotQuota(room, tenantId, 0);
  await mkdir(sessionFolder(dataDir, session.id), { recursive: true, mode: 0o700 });
  const base = await newestFolder(room.dataDir, await store.snapshots.all(session.id));
  try {
    const { sandbox } = session.bench;
    // Files, also where the sandbox could keep its memory: sessions do not take over kernels that come back with it.
    const manifest = await sandbox.snapshot({
      dir,
      kind: "files",
      ...(base !== undefined && { base }),
      signal: ending,
    });
    await syncFolder(sessionFolder(dataDir, session.id));
    const parentId = (await store.sessions.internals(session.id))?.snapshotId;
    const snapshot: Snapshot = {
      id,
      tenantId,
      sessionId: session.id,
      ...(parentId !== undefined && { parentId }),
      ...wanted,
      kind: manifest.kind,
      isolation,
      ...figures(manifest),
      createdAt: toTimestamp(nowMs),
    };
    await inTurn.run(COUNTING, async () => {
      await checkSnapshotQuota(room, tenantId, snapshot.storedBytes);
      await store.snapshots.create(snapshot, { maxCount: MAX_SNAPSHOTS });
    });
    return snapshot;
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw asSpaceError(error);
  }
}

function figures(manifest: SnapshotManifest): Pick<Snapshot, "bytes" | "storedBytes" | "entries" | "skipped"> {
  const { entries, bytes, storedBytes, skipped } = manifest.data;
  const files = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  return {
    bytes: number(bytes) ?? files,
    storedBytes: number(storedBytes) ?? files,
    ...(number(entries) !== undefined && { entries: number(entries) }),
    ...(number(skipped) !== undefined && { skipped: number(skipped) }),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

/** The newest snapshot that is there: what a crash or a hand has taken away is no base. */
async function newestFolder(dataDir: string, snapshots: readonly Snapshot[]): Promise<string | undefined> {
  for (const snapshot of snapshots.toReversed()) {
    const dir = snapshotDir(dataDir, snapshot);
    const there = await access(`${dir}/manifest.json`).then(
      () => true,
      () => false,
    );
    if (there) return dir;
  }
  return undefined;
}

export function asSpaceError(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new GloveboxError("resource_exhausted", "no space is left on the disk", { cause: error });
}
