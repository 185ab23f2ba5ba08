import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isId } from "../../core/index.ts";
import type { Room } from "../room.ts";
import { sessionFolder, snapshotsFolder } from "./folders.ts";

/** After a restart: removes the folders of snapshots that have no row, because they were not finished, deleted, or their session is gone. */
export async function sweepSnapshots(room: Room): Promise<void> {
  const { dataDir, store, logger } = room;
  for (const sessionId of (await readdir(snapshotsFolder(dataDir)).catch(() => [])).filter(isId)) {
    const known = new Set((await store.snapshots.all(sessionId)).map(({ id }) => id));
    const folder = sessionFolder(dataDir, sessionId);
    for (const name of await readdir(folder).catch(() => [])) {
      if (known.has(name)) continue;
      logger.info({ sessionId, folder: name }, "removing a snapshot that was not finished, or was deleted");
      await rm(join(folder, name), { recursive: true, force: true });
    }
    if (known.size === 0) await rm(folder, { recursive: true, force: true });
  }
}
