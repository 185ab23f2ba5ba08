import { GloveboxError, type Repository } from "../../core/index.ts";
import {
  type ActionSource,
  type GitCache,
  type GitRemote,
  type GitRepository,
  wholeArchive,
} from "../../forges/index.ts";
import type { RepositoryStore } from "../../store/index.ts";
import type { CiGit } from "../runs/ports.ts";
import type { ForgeTable } from "./forge-table.ts";
import type { RepositoryKeys } from "./repository-keys.ts";

export interface RepositoryGitOptions {
  readonly store: RepositoryStore;
  readonly keys: RepositoryKeys;
  readonly forges: ForgeTable;
  readonly cache: GitCache;
  readonly actions: ActionSource;
}

const COMMIT = /^[0-9a-f]{40}$/;
/** Of a workflow or action file, bytes: what their parser takes at most. */
const MAX_FILE_BYTES = 1 << 20;

/** The commits of the repositories that the server knows. */
export function createRepositoryGit(options: RepositoryGitOptions): RepositoryGit {
  const { actions } = options;
  const openAt = async (tenantId: string, id: string, commit: string, signal: AbortSignal) => {
    const { git, remote } = await openRepository(options, tenantId, id, signal);
    await git.ensure(remote, commit, { signal });
    return { git, remote };
  };
  return {
    open: (tenantId, id, signal) => openRepository(options, tenantId, id, signal),
    async source(tenantId, repositoryId, { repository: other, ref, sha, submodules, lfs, history }, signal) {
      const mine = await openRepository(options, tenantId, repositoryId, signal);
      const { git, remote } =
        other === undefined || other.toLowerCase() === mine.repository.fullName.toLowerCase()
          ? mine
          : await openOther(options, mine.repository, other);
      const wanted = git === mine.git ? (ref ?? sha) : (ref ?? "HEAD");
      const commit = COMMIT.test(wanted) ? wanted : await resolve(git, remote, wanted, signal);
      await git.ensure(remote, commit, { signal });
      const named = history && { ...history, ref: await fullRef(git, remote, { ref: history.ref, commit }, signal) };
      const how = { signal, submodules: submodules ?? false, lfs: lfs ?? false, ...(named && { history: named }) };
      return await wholeArchive(options.cache, { git, remote, commit }, how);
    },
    async resolve(tenantId, repositoryId, ref, signal) {
      const { git, remote } = await openRepository(options, tenantId, repositoryId, signal);
      return await resolve(git, remote, ref, signal);
    },
    async readFiles(tenantId, repositoryId, { sha, folder, wanted }, signal) {
      const { git } = await openAt(tenantId, repositoryId, sha, signal);
      const options = {
        signal,
        maxBytes: MAX_FILE_BYTES,
        wanted: ({ path }: { readonly path: string }) => wanted(path),
      };
      const files = await git.readFiles(sha, folder, options);
      return new Map([...files].map(([path, content]) => [path, content.toString("utf8")]));
    },
    async read(tenantId, repositoryId, sha, path, signal) {
      const { git } = await openAt(tenantId, repositoryId, sha, signal);
      const content = await git.readFile(sha, path, { signal, maxBytes: MAX_FILE_BYTES });
      if (content === undefined) throw new GloveboxError("not_found", `there is no file ${path} at ${sha}`);
      return content.toString("utf8");
    },
    async changedFiles(tenantId, repositoryId, { before, sha }, signal) {
      const { git, remote } = await openAt(tenantId, repositoryId, sha, signal);
      try {
        await git.ensure(remote, before, { signal });
      } catch (error) {
        // A push that rewrote history: what was before may be gone, and then nobody can tell.
        if (error instanceof GloveboxError && error.code === "not_found") return undefined;
        throw error;
      }
      return await git.changedFiles(before, sha, signal);
    },
    action: (reference, signal) => actions.fetch(reference, signal),
  };
}

export interface OpenRepository {
  readonly repository: Repository;
  readonly git: GitRepository;
  readonly remote: GitRemote;
}

export interface RepositoryGit extends CiGit {
  /** The cache of a repository, and how to reach it. `not_found`; errors of the forge. */
  open(tenantId: string, id: string, signal: AbortSignal): Promise<OpenRepository>;
}

async function openRepository(
  { store, keys, forges, cache }: RepositoryGitOptions,
  tenantId: string,
  id: string,
  signal: AbortSignal,
): Promise<OpenRepository> {
  const repository = await store.get(tenantId, id);
  if (repository === undefined) throw new GloveboxError("not_found", `there is no repository ${id}`);
  const credentials = await keys.credentials(repository);
  const remote = await forges[repository.forge].remote(repository, credentials, signal);
  return { repository, remote, git: await cache.repository(`repository:${id}`) };
}

/** Another repository of the same forge, as everybody sees it: the job's repository has no say over others. */
async function openOther({ cache }: RepositoryGitOptions, { cloneUrl }: Repository, fullName: string) {
  if (!/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/.test(fullName) || /(^|\/)\.+(\/|$)/.test(fullName)) {
    throw new GloveboxError("invalid_argument", "a repository is named owner/name", {
      details: { path: "repository" },
    });
  }
  if (cloneUrl.startsWith("/")) {
    throw new GloveboxError("permission_denied", "a local repository's jobs see no other repository");
  }
  const remote: GitRemote = { url: new URL(`/${fullName}.git`, cloneUrl).href };
  return { remote, git: await cache.repository(`public:${remote.url.toLowerCase()}`) };
}

/** `refs/heads/main` for `main` where that is the commit's branch: a working copy is on it then. */
async function fullRef(
  git: GitRepository,
  remote: GitRemote,
  { ref, commit }: { readonly ref: string; readonly commit: string },
  signal: AbortSignal,
): Promise<string> {
  if (ref === "" || ref.startsWith("refs/") || COMMIT.test(ref)) return ref;
  const branch = `refs/heads/${ref}`;
  return (await git.resolve(remote, branch, signal)) === commit ? branch : ref;
}

async function resolve(git: GitRepository, remote: GitRemote, ref: string, signal: AbortSignal): Promise<string> {
  const commit = await git.resolve(remote, ref, signal);
  if (commit === undefined) throw new GloveboxError("not_found", `the repository has no ${ref}`);
  return commit;
}
