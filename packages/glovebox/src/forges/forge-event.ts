/** What people may write in a comment to have something done. */
export type CommentCommand = "rerun" | "cancel";

/** An event of a forge in words that all forges share. */
export interface ForgeEvent {
  /** As workflows name it in `on:`: `push`, `pull_request`, `workflow_dispatch`, … */
  readonly name: string;
  /** The activity type, of events that have one: `opened`, `rerequested`. */
  readonly action?: string;
  readonly deliveryId: string;
  readonly repository: {
    /** `owner/name` */
    readonly fullName: string;
    readonly cloneUrl: string;
    readonly defaultBranch: string;
    readonly private: boolean;
  };
  /** What `github.ref` is: `refs/heads/main`, `refs/tags/v1`, `refs/pull/7/merge`. */
  readonly ref: string;
  /** The commit that runs; absent where it is whatever `ref` points to when the run begins. */
  readonly sha?: string;
  /** Where results are shown, when that is not the commit that runs: a pull request's head, while its merge runs. */
  readonly headSha?: string;
  /** The branch that a pull request goes to, and the one that it comes from. */
  readonly baseRef?: string;
  readonly headRef?: string;
  /** The commit before a push; for a pull request its base. What changed is looked up from here. Absent for a new branch. */
  readonly before?: string;
  /** What was pushed was deleted: nothing can run. */
  readonly isDeletion: boolean;
  /** Code from another repository than this one: it must not see secrets. */
  readonly isFork: boolean;
  /** The login of who caused it. */
  readonly actor: string;
  /** As the forge sent it, for `github.event`. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly pullRequest?: number;
  /** Asked for by a comment of somebody who may write to the repository. */
  readonly command?: CommentCommand;
  /** What is to run again: of a check run or suite that was requested again. */
  readonly rerequested?: { readonly headSha: string; readonly checkRunId?: string; readonly externalId?: string };
  readonly installationId?: string;
}
