import { access, mkdir, rm } from "node:fs/promises";
import { GloveboxError, newId, type Snapshot, type SnapshotInput, toTimestamp } from "../../core/index.ts";
import { type SnapshotKind, type SnapshotManifest, syncFolder } from "../../sandbox/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { diskBytes } from "./disk-bytes.ts";
import { sessionFolder, snapshotDir } from "./folders.ts";
import type { SnapshotParts } from "./parts.ts";
import { checkSnapshotQuota } from "./quota.ts";
import { timed } from "./timed.ts";

/** Of one session. */
const MAX_SNAPSHOTS = 1_000;
/** One tenant's snapshots are counted one after the other, so that two do not both find room for the last byte. */
const COUNTING = "counting";

export interface Wanted extends Omit<SnapshotInput, "memory"> {
  readonly origin: Snapshot["origin"];
  readonly kind: SnapshotKind;
  readonly executionId?: string;
}

/** Freezes a session's state. Its folder is whole and on disk before its row is, which makes it exist. Runs in the session's turn for snapshots. */
export function takeSnapshot(parts: SnapshotParts, session: LiveSession, wanted: Wanted): Promise<Snapshot> {
  return timed(parts.room, "take", session.row.isolation, () => freeze(parts, session, wanted));
}

async function freeze(
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
    const manifest = await sandbox.snapshot({
      dir,
      kind: wanted.kind,
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
      ...(await figures(manifest, dir)),
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

/** Files in its folder itself are whole; of those below it, which may be shared, the driver tells. */
async function figures(
  { kind, files, data }: SnapshotManifest,
  dir: string,
): Promise<Pick<Snapshot, "bytes" | "storedBytes" | "entries" | "skipped">> {
  const { entries, bytes, storedBytes, skipped } = data;
  // A tree's list is not counted: nobody made it.
  const whole = kind === "memory" || number(bytes) === undefined;
  const held = whole ? Object.values(files).reduce((sum, file) => sum + file.bytes, 0) : 0;
  return {
    bytes: held + (number(bytes) ?? 0),
    storedBytes: (whole ? await diskBytes(dir) : 0) + (number(storedBytes) ?? 0),
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
