import { rm } from "node:fs/promises";
import type { Snapshot } from "../../core/index.ts";
import { ownBytes } from "../../sandbox/index.ts";
import type { Room } from "../room.ts";
import { diskBytes } from "./disk-bytes.ts";
import { snapshotDir } from "./folders.ts";

/** Bytes that go with its folder: all of its memory, and the files that no other has. */
async function freedBytes(dir: string, { kind }: Snapshot): Promise<number> {
  return (await ownBytes(dir)) + (kind === "memory" ? await diskBytes(dir) : 0);
}

/** Removes its row, then its folder; what it shares with others of the session is counted as another's from now on. */
export async function removeSnapshot(room: Room, snapshot: Snapshot): Promise<boolean> {
  const { store, dataDir } = room;
  const dir = snapshotDir(dataDir, snapshot);
  const freed = await freedBytes(dir, snapshot).catch(() => snapshot.storedBytes);
  const others = (await store.snapshots.all(snapshot.sessionId)).filter(({ id }) => id !== snapshot.id);
  const heir = others.toSorted((a, b) => b.storedBytes - a.storedBytes)[0];
  const moreStoredBytes = Math.max(snapshot.storedBytes - freed, -(heir?.storedBytes ?? 0));
  const there = await store.snapshots.delete(
    snapshot,
    heir === undefined || moreStoredBytes === 0 ? undefined : { id: heir.id, moreStoredBytes },
  );
  await rm(dir, { recursive: true, force: true });
  return there;
}
