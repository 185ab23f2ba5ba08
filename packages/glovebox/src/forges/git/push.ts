import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { streamGit } from "./git-process.ts";
import { branchRef } from "./ref-name.ts";

export interface PushRequest {
  readonly branch: string;
  /** The commit that the branch must have until then. Default: there must be no such branch, or it has the pushed commit already. */
  readonly previous?: string;
  readonly signal: AbortSignal;
  /** Milliseconds. Default ten minutes. */
  readonly timeoutMs?: number;
}

/** A local repository is another's too, and its hooks are programs of theirs. */
const RECEIVE = "git -c core.hooksPath=/dev/null -c receive.fsckObjects=true receive-pack";
const MAX_PRINTED = 65_536;

/**
 * Makes a commit of the repository the head of a branch of the remote. Errors: `conflict` when the branch is not what it had to be, `permission_denied` when the
 * remote does not take it (a protected branch, a token that may only read), else those of `streamGit`.
 */
export async function pushCommit(
  gitDir: string,
  remote: GitRemote,
  commit: string,
  request: PushRequest,
): Promise<void> {
  const { branch, previous = "", signal, timeoutMs = 600_000 } = request;
  const ref = branchRef(branch);
  const how = [
    "--porcelain",
    "--quiet",
    "--no-verify",
    "--no-signed",
    "--recurse-submodules=no",
    `--receive-pack=${RECEIVE}`,
  ];
  const args = ["push", ...how, `--force-with-lease=${ref}:${previous}`, "--", remote.url, `${commit}:${ref}`];
  let printed = "";
  try {
    for await (const part of streamGit({ args, gitDir, remote, signal, timeoutMs })) {
      printed = (printed + part.toString("utf8")).slice(-MAX_PRINTED);
    }
  } catch (error) {
    // `!<tab><from>:<to><tab>[rejected] (stale info)`
    const refused = /^!\t[^\t]*\t\[(?<how>[a-z ]+)\] \((?<why>.*)\)/m.exec(printed)?.groups;
    if (refused === undefined) throw error;
    if (refused.how === "rejected") {
      throw new GloveboxError("conflict", `the branch ${branch} is not what it was`, { cause: error });
    }
    const why = (refused.why ?? "").slice(0, 200);
    throw new GloveboxError("permission_denied", `the branch ${branch} was not taken: ${why}`, { cause: error });
  }
}
