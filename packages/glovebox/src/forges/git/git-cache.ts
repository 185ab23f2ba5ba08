import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BlobCache } from "./blob-cache.ts";
import { type GitLimits, GitRepository } from "./git-repository.ts";

const DEFAULT_LIMITS: GitLimits = { maxBytes: 4 * 2 ** 30, fetchTimeoutMs: 600_000, tidyEvery: 50, keptCommits: 500 };

/** Bare repositories on disk, one for each key, made at first need. Safe to delete while no server runs: all of it can be fetched again. */
export class GitCache {
  readonly #folder: string;
  readonly #limits: GitLimits;
  readonly #blobs = new BlobCache();
  readonly #open = new Map<string, GitRepository>();

  /** `limits`: of each repository; default 4 GiB, 10 minutes a fetch, and every 50 fetches all commits go but the newest 500 and the 500 that were asked for last. */
  constructor(folder: string, limits: Partial<GitLimits> = {}) {
    this.#folder = folder;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * The cache under a key: an id of ours, such as a repository record's. Who has the key sees every commit that is in it, whoever fetched it:
   * repositories that different people may read need different keys.
   */
  async repository(key: string): Promise<GitRepository> {
    const name = createHash("sha256").update(key).digest("hex").slice(0, 32);
    let found = this.#open.get(name);
    if (found === undefined) {
      found = new GitRepository(join(this.#folder, `${name}.git`), this.#limits, this.#blobs);
      this.#open.set(name, found);
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    }
    return found;
  }
}
