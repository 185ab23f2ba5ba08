import type { CiRun } from "../../core/index.ts";
import type { ActionReference, FetchedAction, SourceRequest } from "../runner/index.ts";
import type { Permissions } from "../workflow/workflow.ts";

/** What runs need from the rooms beside them and from outside; `app/ci.ts` wires it. */

/** A repository as runs see it. */
export interface CiRepository {
  readonly id: string;
  readonly tenantId: string;
  /** `owner/name` */
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly private: boolean;
  /** Of the forge's pages and of its API, without a slash at the end; for `github.server_url` and `github.api_url`. */
  readonly serverUrl?: string;
  readonly apiUrl?: string;
  /** Jobs at work at a time. Absent: as the server's own limit. */
  readonly maxConcurrentJobs?: number;
  /** Templates by the labels of `runs-on`; stands before the server's. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Repositories that the server knows, with what they keep secret. Whatever names one of another tenant finds nothing. */
export interface CiRepositories {
  get(tenantId: string, id: string): Promise<CiRepository | undefined>;
  /** Every tenant's, for schedules. */
  all(): Promise<readonly CiRepository[]>;
  /** Of the repository, and over them those of the environment. */
  variables(tenantId: string, id: string, environment?: string): Promise<Readonly<Record<string, string>>>;
  secrets(tenantId: string, id: string, environment?: string): Promise<Readonly<Record<string, string>>>;
  /** What a job may reach the forge's API with; `undefined` where the repository has no credentials. */
  token(
    tenantId: string,
    id: string,
    permissions: Permissions | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}

/** Repositories' commits. Errors: `not_found` for what is not there, `forge_unavailable` when it cannot be fetched. */
export interface CiGit {
  /** An uncompressed tar of the files at a commit. */
  source(
    tenantId: string,
    repositoryId: string,
    request: SourceRequest & { readonly sha: string },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
  /** The commit that a branch, a tag or a full ref points to. */
  resolve(tenantId: string, repositoryId: string, ref: string, signal: AbortSignal): Promise<string>;
  /** The files right in a folder that are wanted, by path: read together, because that is what a push waits for. */
  readFiles(
    tenantId: string,
    repositoryId: string,
    where: { readonly sha: string; readonly folder: string; readonly wanted: (path: string) => boolean },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>;
  read(tenantId: string, repositoryId: string, sha: string, path: string, signal: AbortSignal): Promise<string>;
  /** Paths that differ; `undefined` when that cannot be told: then no filter on paths keeps a workflow from running. */
  changedFiles(
    tenantId: string,
    repositoryId: string,
    range: { readonly before: string; readonly sha: string },
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>;
  /** Another repository's actions and workflows, under the allow-list. `denied_by_policy` otherwise. */
  action(reference: ActionReference, signal: AbortSignal): Promise<FetchedAction>;
}

/** Is told of runs' states. Neither call may throw; what takes long goes on by itself. */
export interface RunObserver {
  /** The record of that run is another one now. Often: a few times a second while steps run. */
  changed(tenantId: string, runId: string): void;
  /** Once a run is completed, and again after a restart if that came in between. */
  ended(run: CiRun): void;
}
