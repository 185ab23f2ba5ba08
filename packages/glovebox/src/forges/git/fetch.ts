import { join } from "node:path";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { folderBytes } from "./folder-size.ts";
import { runGit } from "./git-process.ts";
import { ALL_HEADS, ALL_TAGS, WHOLE_HISTORY } from "./history.ts";

export interface FetchOptions {
  readonly gitDir: string;
  readonly remote: GitRemote;
  /** Commits before the wanted one that come too, and it itself: 1 is the commit alone. */
  readonly depth: number;
  /** The most that the repository may have afterwards, bytes. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const WATCH_EVERY_MS = 200;
/** Servers that give no commit by its id: those of files alone, and old ones that were told so. */
const NOT_BY_ID = /dumb http transport|does not support shallow|unadvertised object|does not allow request/i;

/** Brings one commit into the repository, by its id, under a ref that keeps it. Errors as of `streamGit`; `resource_exhausted` when it is too large. */
export async function fetchCommit(commit: string, options: FetchOptions): Promise<void> {
  const keep = `+${commit}:refs/glovebox/${commit}`;
  try {
    await fetchRefs([keep], [`--depth=${options.depth}`], options);
  } catch (error) {
    if (!(error instanceof Error) || !NOT_BY_ID.test(error.message)) throw error;
    // All that can be reached from its branches and tags, at whatever depth: the commit is hopefully among that.
    await fetchRefs([`+refs/heads/*:${ALL_HEADS}`, `+refs/tags/*:${ALL_TAGS}`], [], options);
    try {
      await runGit({ ...options, args: ["update-ref", `refs/glovebox/${commit}`, `${commit}^{commit}`] });
    } catch (cause) {
      if (isGloveboxError(cause, "cancelled")) throw cause;
      throw new GloveboxError("not_found", `the repository has no commit ${commit}`, { cause });
    }
  }
}

/** Brings the branches and tags of the remote, with all that they are made of. */
export async function fetchAll(options: Omit<FetchOptions, "depth">, what: "all" | "tags"): Promise<void> {
  const heads = what === "all" ? [`+refs/heads/*:${ALL_HEADS}`] : [];
  await fetchRefs([...heads, `+refs/tags/*:${ALL_TAGS}`], ["--prune", `--depth=${WHOLE_HISTORY}`], {
    ...options,
    depth: WHOLE_HISTORY,
  });
}

async function fetchRefs(refs: readonly string[], how: readonly string[], options: FetchOptions): Promise<void> {
  const { gitDir, remote, timeoutMs, maxBytes, signal } = options;
  const tooLarge = new AbortController();
  const watching = watchSize(gitDir, maxBytes, tooLarge);
  const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
  try {
    await runGit({
      args: ["fetch", ...quiet, "--update-shallow", ...how, "--", remote.url, ...refs],
      gitDir,
      remote,
      timeoutMs,
      signal: AbortSignal.any([signal, tooLarge.signal]),
    });
  } catch (error) {
    if (tooLarge.signal.aborted) throw tooLarge.signal.reason;
    throw error;
  } finally {
    clearInterval(watching);
  }
  if ((await folderBytes(join(gitDir, "objects"))) > maxBytes) throw exhausted(maxBytes);
}

/** Ends the fetch when what it brings is too much, long before the disk is full. */
function watchSize(gitDir: string, maxBytes: number, tooLarge: AbortController): NodeJS.Timeout {
  return setInterval(() => {
    void folderBytes(join(gitDir, "objects")).then((bytes) => {
      if (bytes > maxBytes) tooLarge.abort(exhausted(maxBytes));
    });
  }, WATCH_EVERY_MS);
}

function exhausted(maxBytes: number): GloveboxError {
  return new GloveboxError("resource_exhausted", `the repository has more than ${maxBytes} bytes`);
}
