import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, lstat, readlink, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { GloveboxError } from "../../core/index.ts";
import { runGit } from "./git-process.ts";

export interface WorkingCopyOptions {
  /** Ignored files and folders that come along whole, relative to the root, e.g. `node_modules`. Default: none. */
  readonly include?: readonly string[];
  readonly signal: AbortSignal;
}

/** A repository's folder as it is now. */
export interface WorkingCopy {
  /** An uncompressed tar of its files: those that git knows, and others that it does not ignore, in the order of their names. Links are in it as links. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** The commit that is checked out; absent before the first one. */
  readonly head?: string;
  /** Whether the files differ from that commit. Known once the tar was read to its end. */
  isDirty(): boolean;
}

/** Of the list of files, bytes. */
const MAX_LIST = 64 << 20;

interface Packing {
  readonly root: string;
  readonly tar: Pack;
  readonly signal: AbortSignal;
  /** What the commit has, by path; what is left at the end is gone. */
  readonly committed: Map<string, string>;
  /** Folders that are where they seem to be. */
  readonly folders: Map<string, boolean>;
  isDirty: boolean;
}

/**
 * Opens a folder that is a git repository's working copy, or lies in one. Nothing in it is run: no hooks, filters or helpers, and no link is followed.
 * Errors: `invalid_argument` (path `path`) for a folder that is no repository.
 */
export async function openWorkingCopy(folder: string, options: WorkingCopyOptions): Promise<WorkingCopy> {
  const { signal, include = [] } = options;
  const root = await realpath(folder).catch(() => folder);
  const ask = (...args: string[]) => gitIn(root, args, signal);
  const names = namesIn(await ask("ls-files", "-z", "--cached", "--others", "--exclude-standard"));
  const more = include.length === 0 ? [] : namesIn(await ask("ls-files", "-z", "--others", "--", ...include));
  const head = (await ask("rev-parse", "--verify", "--quiet", "HEAD").catch(() => Buffer.alloc(0))).toString().trim();
  const packing: Packing = {
    root,
    tar: pack(),
    signal,
    committed: head === "" ? new Map() : entriesOf(await ask("ls-tree", "-r", "-z", head)),
    folders: new Map([[root, true]]),
    isDirty: head === "",
  };
  return {
    tar: tarOf(packing, [...new Set(names)].sort(), [...new Set(more)].sort()),
    ...(head !== "" && { head }),
    isDirty: () => packing.isDirty || packing.committed.size > 0,
  };
}

async function gitIn(root: string, args: readonly string[], signal: AbortSignal): Promise<Buffer> {
  try {
    // The folder may be another user's: with nothing of its configuration in effect, that is no danger.
    const all = ["-c", `safe.directory=${root}`, "-C", root, ...args];
    return await runGit({ args: all, signal, maxBytes: MAX_LIST });
  } catch (error) {
    if (signal.aborted || (error instanceof GloveboxError && error.code === "resource_exhausted")) throw error;
    throw new GloveboxError("invalid_argument", `${root} is no git repository`, {
      details: { path: "path" },
      cause: error,
    });
  }
}

function namesIn(list: Buffer): string[] {
  return list
    .toString("utf8")
    .split("\0")
    .filter((name) => name !== "");
}

/** Object ids by path. */
function entriesOf(listing: Buffer): Map<string, string> {
  const entries = new Map<string, string>();
  for (const line of namesIn(listing)) {
    const at = line.indexOf("\t");
    const [, type, id = ""] = line.slice(0, at).split(" ");
    if (type === "blob") entries.set(line.slice(at + 1), id);
  }
  return entries;
}

async function* tarOf(packing: Packing, names: readonly string[], more: readonly string[]): AsyncGenerator<Uint8Array> {
  const { tar } = packing;
  const work = fill(packing, names, more).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  try {
    yield* tar as AsyncIterable<Uint8Array>;
  } finally {
    tar.destroy();
    await work;
  }
}

async function fill(packing: Packing, names: readonly string[], more: readonly string[]): Promise<void> {
  for (const name of names) {
    const committed = packing.committed.get(name);
    const id = await add(packing, name, committed === undefined ? undefined : committed.length);
    if (id === undefined) continue;
    packing.committed.delete(name);
    if (id !== committed) packing.isDirty = true;
  }
  const known = new Set(names);
  for (const name of more) if (!known.has(name)) await add(packing, name, undefined);
}

/** Packs a file or a link. Gives its object id, as git would, in the format of an id of `idLength` digits; `undefined`: there is nothing to pack. */
async function add(packing: Packing, name: string, idLength: number | undefined): Promise<string | undefined> {
  const { root, tar, signal } = packing;
  signal.throwIfAborted();
  const path = join(root, name);
  if (!(await isInPlace(packing, dirname(path)))) return undefined;
  const found = await lstat(path).catch(() => undefined); // gone, and git not told yet
  if (found === undefined) return undefined;
  const header = { name, mode: found.mode & 0o777, mtime: new Date(0) };
  const digest = createHash(idLength === 64 ? "sha256" : "sha1");
  if (found.isSymbolicLink()) {
    const linkname = await readlink(path);
    tar.entry({ ...header, type: "symlink", linkname });
    return digest.update(`blob ${Buffer.byteLength(linkname)}\0${linkname}`).digest("hex");
  }
  if (!found.isFile()) return undefined;
  digest.update(`blob ${found.size}\0`);
  if (found.size === 0) tar.entry({ ...header, size: 0 }, "");
  else {
    // One that grows meanwhile is taken as long as it was; one that shrinks makes the tar fail.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const source = createReadStream(path, { end: found.size - 1, flags: flags as unknown as string });
    source.on("data", (piece) => digest.update(piece));
    await pipeline(source, tar.entry({ ...header, size: found.size }), { signal });
  }
  return digest.digest("hex");
}

/** Whether a folder of the copy is really there, and no link on the way to it leads elsewhere. */
async function isInPlace({ folders }: Packing, folder: string): Promise<boolean> {
  const known = folders.get(folder);
  if (known !== undefined) return known;
  const real = await realpath(folder).catch(() => undefined);
  folders.set(folder, real === folder);
  return real === folder;
}
