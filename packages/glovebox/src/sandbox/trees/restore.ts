import { open } from "node:fs/promises";
import { join } from "node:path";
import { LIST_NAME } from "./capture.ts";
import { count, openFolder, runTrees } from "./run-trees.ts";

export interface RestoreOptions {
  /** Folder of a capture. Only read. */
  readonly store: string;
  /** Another list of entries than the capture's own, for a tree made of parts of several; their contents must all be in `store`. */
  readonly list?: string | undefined;
  /** An empty folder, which gets the tree as `tree`. */
  readonly into: string;
  readonly nativeDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a captured tree again, every content checked against its hash; on disk when it resolves. Its files belong to this process's user.
 * A failure leaves a part, which is the caller's to remove. Errors: as of `runTrees`, `snapshot_corrupt` for what is damaged or missing.
 */
export async function restoreTree(
  options: RestoreOptions,
): Promise<{ readonly entries: number; readonly bytes: number }> {
  await using into = await openFolder(options.into);
  await using store = await openFolder(options.store);
  await using list = await open(options.list ?? join(options.store, LIST_NAME), "r");
  const answer = await runTrees({
    args: ["restore"],
    input: list,
    handles: [into, store],
    nativeDir: options.nativeDir,
    signal: options.signal,
  });
  return { entries: count(answer, "entries"), bytes: count(answer, "bytes") };
}
