import { createWriteStream } from "node:fs";
import { link, lstat, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GloveboxError, type Isolation, type SnapshotChange } from "../../core/index.ts";
import { readManifest, writeManifest } from "../snapshot/index.ts";
import { LIST_NAME } from "./capture.ts";
import { combineTrees } from "./combine.ts";
import { compareTrees } from "./compare.ts";
import { readTree, type TreeFolder, writeTree } from "./list.ts";

const OBJECTS = "objects";

/** What differs between the files of two snapshots, from `before` to `after`. Errors: `snapshot_corrupt`, `snapshot_incompatible`, `not_supported_by_isolation` for one that does not list its files. */
export async function compareSnapshots(
  isolation: Isolation,
  before: string,
  after: string,
): Promise<Iterable<SnapshotChange>> {
  return compareTrees(await treeOf(isolation, before), await treeOf(isolation, after));
}

/**
 * Makes a snapshot's folder of two: the files of the present, with chosen paths as another has them. It shares their contents. Errors: as of
 * `combineTrees` and {@link compareSnapshots}.
 */
export async function combineSnapshots(parts: {
  readonly isolation: Isolation;
  readonly present: string;
  readonly chosen: string;
  readonly paths: readonly string[];
  readonly into: string;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const { isolation, present, chosen, paths, into, signal } = parts;
  const tree = combineTrees(await treeOf(isolation, present), await treeOf(isolation, chosen), paths);
  await mkdir(into, { mode: 0o700 });
  try {
    await mkdir(join(into, OBJECTS), { mode: 0o700 });
    for (const hash of hashesOf(tree)) {
      signal?.throwIfAborted();
      await linkFrom([present, chosen], hash, into);
    }
    await pipeline(Readable.from(writeTree(tree)), createWriteStream(join(into, LIST_NAME), { mode: 0o600 }));
    await writeManifest(into, { isolation, kind: "files", compatibility: {}, data: {} }, signal);
  } catch (error) {
    await rm(into, { recursive: true, force: true });
    throw error;
  }
}

/** Bytes that go from the disk with a snapshot's folder: of contents that no other shares. */
export async function ownBytes(dir: string): Promise<number> {
  const sizes = new Map<string, number>();
  for (const { hash, bytes } of filesOf(await readTree(join(dir, LIST_NAME), dir))) sizes.set(hash, bytes);
  let own = 0;
  for (const hash of await readdir(join(dir, OBJECTS))) {
    if ((await lstat(join(dir, OBJECTS, hash))).nlink === 1) own += sizes.get(hash) ?? 0;
  }
  return own;
}

/** Syncs a folder, so that what was made or renamed in it outlives a power cut. */
export async function syncFolder(dir: string): Promise<void> {
  await using handle = await open(dir, "r");
  await handle.sync();
}

async function treeOf(isolation: Isolation, dir: string): Promise<TreeFolder> {
  const { files } = await readManifest(dir, isolation);
  if (LIST_NAME in files) return readTree(join(dir, LIST_NAME), dir);
  throw new GloveboxError("not_supported_by_isolation", `a snapshot of '${isolation}' cannot be looked into`);
}

function* filesOf(folder: TreeFolder): Generator<{ readonly hash: string; readonly bytes: number }> {
  for (const node of folder.children.values()) {
    if (node.kind === "file") yield node;
    if (node.kind === "dir") yield* filesOf(node);
  }
}

function hashesOf(tree: TreeFolder): Set<string> {
  return new Set([...filesOf(tree)].map(({ hash }) => hash));
}

async function linkFrom(folders: readonly string[], hash: string, into: string): Promise<void> {
  for (const folder of folders) {
    try {
      return await link(join(folder, OBJECTS, hash), join(into, OBJECTS, hash));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new GloveboxError("snapshot_corrupt", "a file's content is missing");
}
