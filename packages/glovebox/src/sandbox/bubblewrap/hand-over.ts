import { chownSync, lstatSync, readdirSync } from "node:fs";
import { ownTree } from "../trees/index.ts";

/**
 * Gives a workspace with all in it to a uid. No sandbox has it mounted meanwhile, and links are not followed. The
 * top alone costs microseconds; below, only what does not belong to the uid yet is changed.
 */
export async function handOver(dir: string, uid: number, nativeDir: string): Promise<void> {
  if (lstatSync(dir).uid !== uid) chownSync(dir, uid, uid);
  // A new workspace is empty, which is known sooner than a process can be started.
  if (readdirSync(dir).length > 0) await ownTree(dir, uid, nativeDir);
}
