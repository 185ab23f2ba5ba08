export interface PullRequestDraft {
  /** The branch with the changes, of the same repository. */
  readonly head: string;
  /** The branch that is to take them. */
  readonly base: string;
  readonly title: string;
  /** Markdown; cut to what the forge takes. */
  readonly body: string;
}

export interface PullRequest {
  readonly number: number;
  /** For people. */
  readonly url: string;
  /** Whether this call opened it. */
  readonly isNew: boolean;
}

/** Pull requests of a repository. One attempt a call; errors as of `ForgeReports`. */
export interface ForgePulls {
  /**
   * Opens one, or finds the open one of these two branches, as it is: who asks again, not knowing whether the answer was lost, gets the same one.
   * `invalid_argument` when the forge does not take it: a branch that is not there, or nothing between the two.
   */
  open(draft: PullRequestDraft, signal: AbortSignal): Promise<PullRequest>;
}
