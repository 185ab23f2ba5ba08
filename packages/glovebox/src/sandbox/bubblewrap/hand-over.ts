import { chownSync, lstatSync, readdirSync } from "node:fs";
import { lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Gives a workspace with all in it to a uid. No sandbox has it mounted meanwhile, and links are not followed. The
 * top alone costs microseconds; below, only what does not belong to the uid yet is changed.
 */
export async function handOver(dir: string, uid: number): Promise<void> {
  if (lstatSync(dir).uid !== uid) chownSync(dir, uid, uid);
  // A new workspace is empty, which is known sooner than a thread of the pool wakes up.
  if (readdirSync(dir).length > 0) await handOverEntries(dir, uid);
}

async function handOverEntries(dir: string, uid: number): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if ((await lstat(path)).uid !== uid) await lchown(path, uid, uid);
    if (entry.isDirectory()) await handOverEntries(path, uid);
  }
}
