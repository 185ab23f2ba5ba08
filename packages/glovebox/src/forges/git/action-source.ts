import type { Logger } from "../../core/index.ts";
import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { isAllowedAction } from "./action-policy.ts";
import type { GitCache } from "./git-cache.ts";

/** An action as a workflow names it: `owner/repo[/path]@ref`. */
export interface ActionRef {
  readonly owner: string;
  readonly repo: string;
  /** The action's folder in its repository. */
  readonly path?: string;
  /** A branch, a tag or a commit. */
  readonly ref: string;
}

export interface ActionFiles {
  /** The whole repository of the action, as a tar archive. */
  readonly files: AsyncIterable<Uint8Array>;
  /** The commit that its ref stood for: the same files again, as `ref`, whatever becomes of the branch or tag. */
  readonly commit: string;
}

/** Gives the files of actions. */
export interface ActionSource {
  /** Errors: `policy_denied` when the allow-list does not have it, `not_found`, and those of `GitRepository.ensure`. */
  fetch(action: ActionRef, signal: AbortSignal): Promise<ActionFiles>;
}

export interface ActionSourceOptions {
  readonly cache: GitCache;
  /** Where `owner/repo` is looked for, without a `/` at its end. */
  readonly url: string;
  /** Patterns: see {@link isAllowedAction}. */
  readonly allow: readonly string[];
  /** For actions of private repositories of one's own. */
  readonly authorization?: string;
  readonly logger: Logger;
}

const NAME = /^[A-Za-z0-9_.-]{1,100}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** Actions by git from one place, under an allow-list, kept by their commits. Their files are code of strangers: they run in sandboxes and nowhere else. */
export function createActionSource({ cache, url, allow, authorization, logger }: ActionSourceOptions): ActionSource {
  return {
    async fetch(action, signal) {
      const { owner, repo, ref } = action;
      if (!NAME.test(owner) || !NAME.test(repo) || /^\.+$/.test(owner) || /^\.+$/.test(repo)) {
        throw new GloveboxError("invalid_argument", "an action is named owner/repo@ref");
      }
      const name = `${owner}/${repo}@${ref}`;
      if (!isAllowedAction(allow, action)) {
        throw new GloveboxError("policy_denied", `the action ${name} is not in the allow-list (ci.actions.allow)`, {
          details: { action: name, allow },
        });
      }
      const remote: GitRemote = {
        url: `${url}/${owner}/${repo}`,
        ...(authorization !== undefined && { authorization }),
      };
      const repository = await cache.repository(`action:${remote.url.toLowerCase()}`);
      const commit = COMMIT.test(ref) ? ref : await repository.resolve(remote, ref, signal);
      if (commit === undefined) throw new GloveboxError("not_found", `there is no ${name} at ${url}`);
      await repository.ensure(remote, commit, { signal });
      logger.debug({ action: name, commit }, "has the files of an action");
      return { commit, files: repository.archive(commit, { signal }) };
    },
  };
}
