import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UidRange } from "../bubblewrap/uid-range.ts";
import { areUids, type HostUids } from "./record.ts";

/** In a run folder: the uids of its sandbox, for later servers. The supervisor itself stays root and does not show them. */
const NAME = "uids.json";

export function takeUids(range: UidRange): HostUids {
  return [range.take(), range.take(), range.take()];
}

export function releaseUids(range: UidRange, uids: HostUids): void {
  for (const uid of uids) range.release(uid);
}

export function reserveUids(range: UidRange, uids: HostUids): void {
  for (const uid of uids) range.reserve(uid);
}

export async function noteUids(folder: string, uids: HostUids): Promise<void> {
  await writeFile(join(folder, NAME), JSON.stringify(uids), { mode: 0o600 });
}

/** Those of every sandbox that has a folder here, alive or not. */
export async function uidsInUse(runDir: string): Promise<HostUids[]> {
  const found: HostUids[] = [];
  for (const name of await readdir(runDir).catch(() => [])) {
    try {
      const uids: unknown = JSON.parse(await readFile(join(runDir, name, NAME), "utf8"));
      if (areUids(uids)) found.push(uids);
    } catch {
      // A supervisor that waits has none yet.
    }
  }
  return found;
}
