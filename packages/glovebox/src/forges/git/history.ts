import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Pack } from "tar-stream";
import { runGit } from "./git-process.ts";

/** What of a repository's history comes along with its files. */
export interface HistoryOptions {
  /** Commits before the wanted one, and it itself; 0: all, of all branches and tags. */
  readonly depth: number;
  /** Tags too; with depth 0 they are there anyway. */
  readonly tags: boolean;
  /** What the commit is checked out as: `refs/heads/…` makes a branch of that name, all else leaves HEAD at the commit. */
  readonly ref: string;
}

/** Git's own number for all of it. */
export const WHOLE_HISTORY = 0x7fffffff;

/** Where a cache keeps the branches and tags of its remote, as they were when last asked for. */
export const ALL_HEADS = "refs/glovebox-all/heads/*";
export const ALL_TAGS = "refs/glovebox-all/tags/*";

const UPLOAD = "git -c core.hooksPath=/dev/null upload-pack";

/**
 * Makes the `.git` of a working copy out of a bare repository that has the commit, and gives its folder, which is the caller's to remove. Nothing of the commit is checked out here: its
 * index is made from its tree. `url`: of the remote, without credentials.
 */
export async function makeHistory(
  gitDir: string,
  { commit, url, depth, tags, ref }: HistoryOptions & { readonly commit: string; readonly url: string },
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-history-"));
  try {
    const own = join(folder, ".git");
    const git = (args: readonly string[]) => runGit({ args, gitDir: own, signal });
    await runGit({ args: ["init", "--quiet", "--template=", "--initial-branch=main", "--", folder], signal });
    const refs = [
      `+refs/glovebox/${commit}:refs/glovebox/checkout`,
      ...(depth === 0 ? [`+${ALL_HEADS}:refs/remotes/origin/*`] : []),
      ...(depth === 0 || tags ? [`+${ALL_TAGS}:refs/tags/*`] : []),
    ];
    const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--update-shallow"];
    const how = [...quiet, `--depth=${depth === 0 ? WHOLE_HISTORY : depth}`, `--upload-pack=${UPLOAD}`];
    const args = ["fetch", ...how, "--", gitDir, ...refs];
    await runGit({ args, gitDir: own, remote: { url: gitDir }, signal, timeoutMs });
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
    if (branch === undefined) await git(["update-ref", "--no-deref", "HEAD", commit]);
    else {
      await git(["update-ref", `refs/heads/${branch}`, commit]);
      await git(["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
      if (depth !== 0) await git(["update-ref", `refs/remotes/origin/${branch}`, commit]);
      await git(["config", `branch.${branch}.remote`, "origin"]);
      await git(["config", `branch.${branch}.merge`, `refs/heads/${branch}`]);
    }
    await git(["update-ref", "-d", "refs/glovebox/checkout"]);
    await git(["config", "remote.origin.url", url]);
    await git(["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    await git(["read-tree", commit]);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Puts the files of a folder that {@link makeHistory} made into a tar. */
export async function packHistory(tar: Pack, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtime } = await stat(path);
    const header = { name: relative(folder, path), size, mtime, mode: 0o644 };
    if (size > 0) await pipeline(createReadStream(path, { end: size - 1 }), tar.entry(header));
    else
      await new Promise<void>((resolve, reject) => {
        tar.entry(header, "", (error) => (error ? reject(error) : resolve()));
      });
  }
  // What git looks for, though nothing is in it.
  for (const name of [".git/refs/", ".git/objects/"]) tar.entry({ name, type: "directory", mode: 0o755 }, "");
}
