import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { runGit } from "./git-process.ts";
import type { GitRepository } from "./git-repository.ts";
import { type CommitRequest, makeCommit } from "./make-commit.ts";
import { branchRef } from "./ref-name.ts";

export interface BranchRequest extends CommitRequest {
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** The commit that the branch must have until then. Default: there must be no such branch. */
  readonly previous?: string;
}

/** A cached clone, and where it comes from. */
export interface ClonedRepository {
  readonly git: GitRepository;
  readonly remote: GitRemote;
}

const NO_COMMIT = "0".repeat(40);

/**
 * Makes a commit on a branch: of the repository in a folder of this machine, whose working copy, index and HEAD stay as they are, or of a cached clone, which
 * pushes the branch to its remote. The same request may come again: a branch that has the very commit already is success. Errors: those of
 * `makeCommit`; `conflict` when the branch is not what it had to be, or is the one that a working copy has checked out; of a clone also those of fetching and pushing.
 */
export async function commitChanges(
  target: string | ClonedRepository,
  request: BranchRequest,
): Promise<{ readonly commit: string }> {
  const { branch, previous, signal } = request;
  branchRef(branch);
  if (typeof target === "string") return { commit: await commitInFolder(await gitDirOf(target), request) };
  const { git, remote } = target;
  await git.ensure(remote, request.base, { signal });
  const commit = await git.commit(request);
  await git.push(remote, commit, { branch, signal, ...(previous !== undefined && { previous }) });
  return { commit };
}

async function commitInFolder(gitDir: string, request: BranchRequest): Promise<string> {
  const { branch, previous = NO_COMMIT, signal } = request;
  if (!/^[0-9a-f]{40}$/.test(previous)) throw new GloveboxError("invalid_argument", "previous is not a commit's id");
  const ref = branchRef(branch);
  const commit = await makeCommit(gitDir, request);
  const args = ["for-each-ref", "--format=%(objectname) %(worktreepath)", ref];
  const [line = ""] = (await runGit({ args, gitDir, signal })).toString("utf8").split("\n");
  const [now = ""] = line.split(" ", 1);
  if (now === commit) return commit;
  if (line.length > now.length + 1) {
    // Its files would seem changed, all at once.
    throw new GloveboxError("conflict", `the branch ${branch} is checked out in a working copy`);
  }
  try {
    const message = ["-m", "glovebox: commit"];
    await runGit({ args: ["update-ref", ...message, ref, commit, previous], gitDir, signal, env: REFLOG });
  } catch (error) {
    if (!(error instanceof GloveboxError) || !/cannot lock ref/.test(error.message)) throw error;
    throw new GloveboxError("conflict", `the branch ${branch} is not what it was`, { cause: error });
  }
  return commit;
}

/** Who is named in the branch's own log. */
const REFLOG = { GIT_COMMITTER_NAME: "glovebox", GIT_COMMITTER_EMAIL: "glovebox@localhost" };

/** Of a working copy its `.git`, also where that is a file that names another folder; else the folder itself: a bare repository. */
async function gitDirOf(folder: string): Promise<string> {
  if (!isAbsolute(folder)) throw new GloveboxError("invalid_path", "a repository's folder is an absolute path");
  for (const gitDir of [join(folder, ".git"), folder]) {
    const marks = [
      stat(gitDir),
      ...(gitDir === folder ? [stat(join(folder, "HEAD")), stat(join(folder, "objects"))] : []),
    ];
    const found = await Promise.all(marks).then(
      () => true,
      () => false,
    );
    if (found) return gitDir;
  }
  throw new GloveboxError("not_found", "the folder is no git repository", { details: { path: folder } });
}
