/** How a step, a job or a run of CI came out, in GitHub's words. */
export type CiConclusion = "success" | "failure" | "cancelled" | "skipped";

export type CiStatus = "queued" | "in_progress" | "completed";

/** A remark on a line of the code; what check runs show beside it. */
export interface CiAnnotation {
  readonly level: "notice" | "warning" | "error";
  readonly message: string;
  readonly title?: string;
  readonly path?: string;
  readonly line?: number;
  readonly endLine?: number;
  readonly column?: number;
  readonly endColumn?: number;
}

/** A step of a job. Times are milliseconds since the epoch, durations milliseconds. */
export interface CiStep {
  /** From 1, over what runs before, the job's own steps, and what runs after. */
  readonly number: number;
  readonly id?: string;
  readonly name: string;
  /** Before `continue-on-error`. Absent while it runs. */
  readonly outcome?: CiConclusion;
  /** After it. Absent while it runs. */
  readonly conclusion?: CiConclusion;
  /** Of the last process that it ran. */
  readonly exitCode?: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly startedAtMs?: number;
  readonly durationMs?: number;
  /** Where its output is, in order. */
  readonly executionIds: readonly string[];
  readonly annotations: readonly CiAnnotation[];
  /** Markdown that it wrote to GITHUB_STEP_SUMMARY. */
  readonly summary?: string;
  /** Why it failed, where its output does not say so. */
  readonly error?: string;
}

/** One job, or one combination of a job's matrix. */
export interface CiJob {
  /** Unique in the run. */
  readonly key: string;
  /** Of the workflow file; `caller / called` in a reusable workflow. */
  readonly id: string;
  /** As shown: `test (20, linux)`. */
  readonly name: string;
  readonly matrix: Readonly<Record<string, unknown>>;
  /** Ids of jobs, those included that the job needs which calls its workflow. */
  readonly needs: readonly string[];
  readonly status: CiStatus;
  /** Before `continue-on-error`. */
  readonly conclusion?: CiConclusion;
  /** It failed, and its workflow goes on as if it had not. */
  readonly continued?: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly steps: readonly CiStep[];
  /** Why it did not run, or what ended it, where no step says so. */
  readonly error?: string;
  /** What it waits for: a turn (`queue`), its concurrency group (`concurrency`). */
  readonly waitsFor?: "queue" | "concurrency";
  readonly environment?: { readonly name: string; readonly url?: string };
  /** Its result comes from an earlier attempt. */
  readonly kept?: boolean;
}

/** Where the code comes from that a run works on. */
export type CiSource =
  /** An uploaded tar archive. */
  | { readonly kind: "archive"; readonly id: string }
  /** A commit of a repository that the server knows. */
  | { readonly kind: "repository"; readonly repositoryId: string; readonly sha: string };

/** What made a run begin. */
export interface CiEvent {
  /** `push`, `pull_request`, `workflow_dispatch`, … */
  readonly name: string;
  readonly action?: string;
  /** `refs/heads/main` */
  readonly ref: string;
  readonly sha: string;
  /** Where results are shown, when that is not `sha`: a pull request's head, while its merge runs. */
  readonly headSha?: string;
  readonly baseRef?: string;
  readonly headRef?: string;
  readonly actor: string;
  /** From a fork: without secrets and without a token. */
  readonly isFork: boolean;
  readonly pullRequest?: number;
  readonly deliveryId?: string;
}

/** A workflow's run as clients see it. Its id is that of the durable run, whose journal it is a projection of. Times are milliseconds since the epoch. */
export interface CiRun {
  readonly id: string;
  readonly tenantId: string;
  readonly repositoryId?: string;
  /** `owner/name`; of an uploaded checkout what the caller said. */
  readonly repository: string;
  /** Counts the runs of one workflow of one repository, from 1; attempts share it. */
  readonly number: number;
  /** From 1. */
  readonly attempt: number;
  /** The run that this is another attempt of. */
  readonly rerunOf?: string;
  readonly workflow: { readonly name: string; readonly path: string };
  /** `run-name`, evaluated; else the workflow's name. */
  readonly title: string;
  readonly event: CiEvent;
  readonly source: CiSource;
  /** Under which the secrets are sealed that it was started with. */
  readonly secretsId?: string;
  readonly status: CiStatus;
  readonly conclusion?: CiConclusion;
  /** Why nothing ran, or what ended the run from outside. */
  readonly error?: string;
  readonly jobs: readonly CiJob[];
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly updatedAtMs: number;
}
