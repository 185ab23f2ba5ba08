import { open } from "node:fs/promises";
import { join } from "node:path";
import { count, openFolder, runTrees } from "./run-trees.ts";

/** Files, folders and links of one tree at most. */
const MAX_ENTRIES = 250_000;
/** The list of a tree's entries, in the folder of its contents. */
export const LIST_NAME = "tree";

export interface Captured {
  /** Files, folders, links and named pipes. */
  readonly entries: number;
  /** What the files hold, holes and blocks of zeros not counted. */
  readonly bytes: number;
  /** Of that, what was not shared with the base. */
  readonly storedBytes: number;
  /** Sockets and devices, which are left out. */
  readonly skipped: number;
}

export interface CaptureOptions {
  readonly tree: string;
  /** An empty folder, which gets `objects/` and the list. */
  readonly store: string;
  /** Folder of an earlier capture on the same file system; contents that it has are not stored again. */
  readonly base?: string | undefined;
  /** The most that the files may hold. */
  readonly maxBytes: number;
  readonly nativeDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Copies a tree; on disk when it resolves. A failure leaves a part of the copy, which is the caller's to remove. Errors: as of `runTrees`. */
export async function captureTree(options: CaptureOptions): Promise<Captured> {
  const { base } = options;
  await using tree = await openFolder(options.tree);
  await using store = await openFolder(options.store);
  await using list = await open(join(options.store, LIST_NAME), "wx", 0o600);
  await using earlier = base === undefined ? undefined : await openFolder(base);
  const limits = [String(MAX_ENTRIES), String(Math.floor(options.maxBytes))];
  const answer = await runTrees({
    args: ["capture", ...limits, ...(earlier === undefined ? [] : ["base"])],
    handles: [tree, store, list, ...(earlier === undefined ? [] : [earlier])],
    nativeDir: options.nativeDir,
    signal: options.signal,
  });
  return {
    entries: count(answer, "entries"),
    bytes: count(answer, "bytes"),
    storedBytes: count(answer, "storedBytes"),
    skipped: count(answer, "skipped"),
  };
}
