import { openFolder, runTrees } from "./run-trees.ts";

/** Gives all that is in a folder, but not the folder itself, to a uid and the gid of the same number. Links are not followed. For root. */
export async function ownTree(folder: string, uid: number, nativeDir?: string): Promise<void> {
  await using tree = await openFolder(folder);
  await runTrees({ args: ["own", String(uid), String(uid)], handles: [tree], nativeDir });
}
