import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { pack } from "tar-stream";

const run = promisify(execFile);
/** Of the list of files, bytes. */
const MAX_LIST = 256 * 1_048_576;

/** What a checkout says of itself; what is unknown is absent. */
export interface CheckoutFacts {
  readonly ref?: string;
  readonly sha?: string;
  /** `owner/name`, of the remote `origin`. */
  readonly repository?: string;
}

export async function factsOf(root: string): Promise<CheckoutFacts> {
  const ask = async (...words: string[]) => {
    try {
      return (await run("git", ["-C", root, ...words])).stdout.trim() || undefined;
    } catch {
      return undefined;
    }
  };
  const [ref, sha, origin] = await Promise.all([
    ask("symbolic-ref", "-q", "HEAD"),
    ask("rev-parse", "--verify", "-q", "HEAD"),
    ask("remote", "get-url", "origin"),
  ]);
  const repository = /([\w.-]{1,100}\/[\w.-]{1,100}?)(?:\.git)?\/?$/.exec(origin ?? "")?.[1];
  return { ...(ref && { ref }), ...(sha && { sha }), ...(repository && { repository }) };
}

/** The files of a checkout that git knows or would take in, as a tar; of a folder that is none, all of them. */
export function packCheckout(root: string): AsyncIterable<Uint8Array> {
  const tar = pack();
  fill(tar, root).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  return tar as unknown as AsyncIterable<Uint8Array>;
}

async function fill(tar: ReturnType<typeof pack>, root: string): Promise<void> {
  for (const name of await filesOf(root)) {
    const path = join(root, name);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) continue; // deleted, and git not told yet
    const header = { name, mode: found.mode & 0o777, mtime: found.mtime };
    if (found.isSymbolicLink()) tar.entry({ ...header, type: "symlink", linkname: await readlink(path) });
    else if (found.isFile() && found.size === 0) tar.entry({ ...header, size: 0 }, "");
    // One that grows meanwhile is taken as long as it was; one that shrinks makes the tar fail, and the run with it.
    else if (found.isFile()) {
      const source = createReadStream(path, { end: found.size - 1 });
      await pipeline(source, tar.entry({ ...header, size: found.size }));
    }
  }
}

async function filesOf(root: string): Promise<readonly string[]> {
  try {
    const words = ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const { stdout } = await run("git", words, { maxBuffer: MAX_LIST });
    return [...new Set(stdout.split("\0").filter((name) => name !== ""))];
  } catch {
    const all = await readdir(root, { recursive: true, withFileTypes: true });
    return all
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .filter((name) => !name.startsWith(".git/"));
  }
}
