/** Where code comes from and where results go. */
export type { Delivery, RawDelivery } from "./delivery.ts";
export type { Forge, ForgeCredentials, ForgeKind, ForgeRepository, GitRemote } from "./forge.ts";
export type { CommentCommand, ForgeEvent } from "./forge-event.ts";
export type { ForgePulls, PullRequest, PullRequestDraft } from "./forge-pulls.ts";
export type {
  CheckRunReport,
  CheckRunReports,
  ForgeHooks,
  ForgeReports,
  ReportState,
  StatusReport,
} from "./forge-reports.ts";
export {
  type ActionFiles,
  type ActionRef,
  type ActionSource,
  type ActionSourceOptions,
  createActionSource,
} from "./git/action-source.ts";
export type { ArchiveOptions } from "./git/archive.ts";
export { type BranchRequest, type ClonedRepository, commitChanges } from "./git/commit-changes.ts";
export type { FileChange } from "./git/file-change.ts";
export { GitCache } from "./git/git-cache.ts";
export type { GitLimits, GitRepository } from "./git/git-repository.ts";
export type { HistoryOptions } from "./git/history.ts";
export type { CommitRequest } from "./git/make-commit.ts";
export type { PushRequest } from "./git/push.ts";
export type { TreeEntry } from "./git/tree-listing.ts";
export { type WholeArchiveOptions, wholeArchive } from "./git/whole-archive.ts";
export { openWorkingCopy, type WorkingCopy, type WorkingCopyOptions } from "./git/working-copy.ts";
export { createGiteaForge } from "./gitea/gitea-forge.ts";
export type { GitHubApiOptions, GitHubApp } from "./github/api.ts";
export { createGitHubForge, type GitHubForge } from "./github/github-forge.ts";
export { createLocalForge } from "./local/local-forge.ts";
