import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { type ArchiveOptions, archiveCommit } from "./archive.ts";
import type { BlobCache } from "./blob-cache.ts";
import { fetchAll, fetchCommit } from "./fetch.ts";
import { runGit } from "./git-process.ts";
import { type HistoryOptions, makeHistory, WHOLE_HISTORY } from "./history.ts";
import { type CommitRequest, makeCommit } from "./make-commit.ts";
import { readBlobs } from "./object-reader.ts";
import { type PushRequest, pushCommit } from "./push.ts";
import { isRefName } from "./ref-name.ts";
import { listTree, type TreeEntry } from "./tree-listing.ts";
import { Turns } from "./turns.ts";

export interface GitLimits {
  /** The most that a repository's cache may have, bytes. */
  readonly maxBytes: number;
  /** For a fetch, milliseconds. */
  readonly fetchTimeoutMs: number;
  /** Fetches after which the packs are made one, and the oldest commits go. */
  readonly tidyEvery: number;
  /** Commits that are kept then; others are fetched again at need. */
  readonly keptCommits: number;
}

const COMMIT = /^[0-9a-f]{40}$/;
const MAX_KNOWN = 10_000;
const MAX_LISTINGS = 64;
const MAX_CHANGED_BYTES = 4 << 20;

/** The cache of one repository: a bare one, which holds the commits that were asked for and what they are made of. */
export class GitRepository {
  readonly folder: string;
  readonly #limits: GitLimits;
  readonly #blobs: BlobCache;
  readonly #turns = new Turns();
  /** How deep commits are known to be here. */
  readonly #known = new Map<string, number>();
  /** What is in a folder of a commit never changes. */
  readonly #listings = new Map<string, readonly TreeEntry[]>();
  #isReady = false;
  #fetches = 0;

  /** `folder`: its own, made at first need. `blobs` may be several repositories' together. */
  constructor(folder: string, limits: GitLimits, blobs: BlobCache) {
    this.folder = folder;
    this.#limits = limits;
    this.#blobs = blobs;
  }

  /**
   * Has the commit, with `depth - 1` (default 0) generations before it; fetches it when it is not there. Errors: `invalid_argument` for what is
   * no full commit id, `not_found`, `permission_denied`, `forge_unavailable`, `timeout`, `resource_exhausted`.
   */
  async ensure(
    remote: GitRemote,
    commit: string,
    options: { readonly signal: AbortSignal; readonly depth?: number },
  ): Promise<void> {
    checkCommit(commit);
    const { signal, depth = 1 } = options;
    if ((this.#known.get(commit) ?? 0) >= depth) return this.#note(commit, depth);
    await this.#turns.take(async () => {
      await this.#prepare(signal);
      if (await this.#has(commit, depth, signal)) return this.#note(commit, depth);
      try {
        await fetchCommit(commit, { ...this.#fetching(remote, signal), depth });
      } catch (error) {
        // What is too large goes whole: nothing else would ever fit again.
        if (isGloveboxError(error, "resource_exhausted")) await this.#remove();
        throw error;
      }
      this.#note(commit, depth);
      this.#fetches += 1;
      if (this.#fetches % this.#limits.tidyEvery === 0) await this.#tidy(signal);
    });
  }

  /**
   * The `.git` of a working copy at a commit, made anew in a folder that is the caller's to remove. Errors: those of {@link ensure}.
   */
  async history(
    remote: GitRemote,
    commit: string,
    { signal, ...options }: HistoryOptions & { readonly signal: AbortSignal },
  ): Promise<string> {
    const { depth, tags } = options;
    await this.ensure(remote, commit, { signal, depth: depth === 0 ? WHOLE_HISTORY : depth });
    return await this.#turns.take(async () => {
      const fetching = this.#fetching(remote, signal);
      if (depth === 0 || tags) await fetchAll(fetching, depth === 0 ? "all" : "tags");
      return await makeHistory(this.folder, { ...options, commit, url: remote.url }, fetching);
    });
  }

  /** The commit that a ref of the remote (`refs/heads/main`, `v1`, `main`) stands for now: as a whole ref, then as a tag, then as a branch. `undefined` when there is none. */
  async resolve(remote: GitRemote, ref: string, signal: AbortSignal): Promise<string | undefined> {
    if (!isRefName(ref))
      throw new GloveboxError("invalid_argument", "not the name of a ref", { details: { path: "ref" } });
    const names = ref.startsWith("refs/") || ref === "HEAD" ? [ref] : [`refs/tags/${ref}`, `refs/heads/${ref}`];
    const asked = names.flatMap((name) => [name, `${name}^{}`]);
    const args = ["ls-remote", "--quiet", "--", remote.url, ...asked];
    const listed = (await runGit({ args, remote, signal, maxBytes: 1 << 20 })).toString("utf8");
    const commits = new Map<string, string>();
    for (const line of listed.split("\n")) {
      const [commit = "", name = ""] = line.split("\t");
      if (COMMIT.test(commit)) commits.set(name, commit);
    }
    // A tag with a message is an object of its own, and `^{}` what it names.
    const name = asked.find((candidate) => commits.has(candidate));
    return name === undefined ? undefined : (commits.get(`${name}^{}`) ?? commits.get(name));
  }

  /** The commits that a commit follows. It must be here, with depth 2 or more. */
  async parents(commit: string, signal: AbortSignal): Promise<readonly string[]> {
    checkCommit(commit);
    const args = ["rev-list", "--no-walk", "--parents", commit];
    const text = (await runGit({ args, gitDir: this.folder, signal })).toString("latin1");
    return text.trim().split(" ").slice(1);
  }

  /** A file of a commit that is here; `undefined` when there is none, or it is a link or a folder. `payload_too_large` beyond `maxBytes` (default 1 MiB). */
  async readFile(
    commit: string,
    path: string,
    options: { readonly signal: AbortSignal; readonly maxBytes?: number },
  ): Promise<Buffer | undefined> {
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    return (await this.readFiles(commit, folder, { ...options, wanted: (entry) => entry.path === path })).get(path);
  }

  /** The wanted files right in a folder of a commit that is here, by path. Links are left out. */
  async readFiles(
    commit: string,
    folder: string,
    options: {
      readonly signal: AbortSignal;
      readonly wanted?: (entry: TreeEntry) => boolean;
      readonly maxBytes?: number;
    },
  ): Promise<ReadonlyMap<string, Buffer>> {
    const { signal, wanted = () => true, maxBytes = 1 << 20 } = options;
    const entries = (await this.list(commit, folder, { signal })).filter((e) => e.kind === "file" && wanted(e));
    const found = new Map<string, Buffer>();
    for (const { path, id, size } of entries) {
      const known = size <= maxBytes ? this.#blobs.get(this.folder, id) : undefined;
      if (known !== undefined) found.set(path, known);
    }
    const others = entries.filter(({ path }) => !found.has(path));
    const contents = await readBlobs(
      this.folder,
      others.map(({ id }) => id),
      { maxBytes, signal },
    );
    for (const [at, { path, id }] of others.entries()) {
      const content = contents[at];
      if (content === undefined) continue;
      found.set(path, content);
      this.#blobs.put(this.folder, id, content);
    }
    return found;
  }

  /** What is in a folder of a commit that is here; `deep`: and below. */
  async list(
    commit: string,
    folder: string,
    options: { readonly signal: AbortSignal; readonly deep?: boolean },
  ): Promise<readonly TreeEntry[]> {
    checkCommit(commit);
    if (/^\/|\0|(^|\/)\.\.?(\/|$)/.test(folder)) {
      throw new GloveboxError("invalid_path", "a folder of a repository is named from its root", {
        details: { path: folder },
      });
    }
    const deep = options.deep ?? false;
    // Whole trees are large, and looked at once.
    if (deep) return await listTree(this.folder, { commit, folder, deep, signal: options.signal });
    const key = `${commit}:${folder}`;
    const known = this.#listings.get(key);
    if (known !== undefined) return known;
    const listing = await listTree(this.folder, { commit, folder, deep, signal: options.signal });
    if (this.#listings.size >= MAX_LISTINGS) this.#listings.clear();
    this.#listings.set(key, listing);
    return listing;
  }

  /** The paths that differ between two commits that are here; `undefined` when they are too many to be told (4 MiB of names). */
  async changedFiles(before: string, commit: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    checkCommit(before);
    checkCommit(commit);
    const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-commit-id", before, commit];
    try {
      const text = await runGit({ args, gitDir: this.folder, signal, maxBytes: MAX_CHANGED_BYTES });
      return text
        .toString("utf8")
        .split("\0")
        .filter((path) => path !== "");
    } catch (error) {
      if (isGloveboxError(error, "resource_exhausted")) return undefined;
      throw error;
    }
  }

  /**
   * The files of a commit that is here, as a tar archive: no owner, no folder of git unless asked for. Whatever is in the archive is the
   * repository's: it is unpacked in a sandbox and nowhere else.
   */
  archive(commit: string, options: ArchiveOptions): AsyncIterable<Uint8Array> {
    checkCommit(commit);
    return archiveCommit(this.folder, commit, options);
  }

  /** Makes a commit upon one that is here, and keeps it. Errors: see `makeCommit`. */
  async commit(request: CommitRequest): Promise<string> {
    const { signal } = request;
    // Not while what nothing names yet is taken away.
    return await this.#turns.take(async () => {
      const commit = await makeCommit(this.folder, request);
      await runGit({ args: ["update-ref", `refs/glovebox/${commit}`, commit], gitDir: this.folder, signal });
      this.#note(commit, 1);
      return commit;
    });
  }

  /** Makes a commit that is here the head of a branch of the remote. Errors: see `pushCommit`. */
  async push(remote: GitRemote, commit: string, request: PushRequest): Promise<void> {
    checkCommit(commit);
    await this.#turns.take(() => pushCommit(this.folder, remote, commit, request));
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    if (this.#isReady) return;
    const isThere = await access(join(this.folder, "glovebox-ready")).then(
      () => true,
      () => false,
    );
    if (!isThere) {
      await this.#remove();
      const fresh = `${this.folder}.new`;
      await rm(fresh, { recursive: true, force: true });
      await mkdir(fresh, { recursive: true, mode: 0o700 });
      await runGit({ args: ["init", "--quiet", "--bare", "--template=", "--", fresh], signal });
      // Archives hold every file as it is, whatever the repository's own attributes leave out or write into it.
      await mkdir(join(fresh, "info"), { recursive: true });
      await writeFile(join(fresh, "info/attributes"), "* -export-ignore -export-subst\n");
      await writeFile(join(fresh, "glovebox-ready"), "");
      await rename(fresh, this.folder);
    }
    this.#isReady = true;
  }

  #fetching(remote: GitRemote, signal: AbortSignal) {
    const { maxBytes, fetchTimeoutMs: timeoutMs } = this.#limits;
    return { gitDir: this.folder, remote, signal, maxBytes, timeoutMs };
  }

  #note(commit: string, depth: number): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const known = this.#known.get(commit) ?? 0;
    // Last in the map is what was asked for last.
    this.#known.delete(commit);
    this.#known.set(commit, Math.max(depth, known));
  }

  /** Lets go of the commits that are oldest, by their own dates, but for those that were asked for last, and makes one pack of the rest. */
  async #tidy(signal: AbortSignal): Promise<void> {
    const gitDir = this.folder;
    const { keptCommits } = this.#limits;
    const args = ["for-each-ref", "--sort=-committerdate", "--format=%(refname)", "refs/glovebox/"];
    const refs = (await runGit({ args, gitDir, signal })).toString("utf8").split("\n");
    const recent = new Set([...this.#known.keys()].slice(-keptCommits).map((commit) => `refs/glovebox/${commit}`));
    const old = refs.slice(keptCommits).filter((ref) => ref !== "" && !recent.has(ref));
    const timeoutMs = this.#limits.fetchTimeoutMs;
    if (old.length > 0) {
      this.#known.clear();
      this.#listings.clear();
      await runGit({
        args: ["update-ref", "--stdin"],
        gitDir,
        signal,
        input: old.map((ref) => `delete ${ref}\n`).join(""),
      });
    }
    await runGit({ args: ["repack", "-a", "-d", "-q"], gitDir, signal, timeoutMs });
    if (old.length > 0) await runGit({ args: ["prune", "--expire=now"], gitDir, signal, timeoutMs });
  }

  /** A commit that is here has its files here too: a fetch brings both or neither. */
  async #has(commit: string, depth: number, signal: AbortSignal): Promise<boolean> {
    // Whether every line of it ends at a root is known to the remote.
    if (depth === WHOLE_HISTORY) return false;
    const args = ["rev-list", "--first-parent", `--max-count=${depth}`, commit];
    try {
      const found = (await runGit({ args, gitDir: this.folder, signal })).toString("latin1").trim().split("\n");
      if (found.length === depth) return true;
      // Fewer: either the history begins there, or what is here of it does.
      const ends = await readFile(join(this.folder, "shallow"), "latin1").catch(() => "");
      return !ends.split("\n").includes(found.at(-1) ?? "");
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return false;
      throw error;
    }
  }

  async #remove(): Promise<void> {
    this.#isReady = false;
    this.#known.clear();
    this.#listings.clear();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function checkCommit(commit: string): void {
  if (COMMIT.test(commit)) return;
  throw new GloveboxError("invalid_argument", "a commit is named by its full id, 40 hexadecimal digits", {
    details: { path: "sha" },
  });
}
