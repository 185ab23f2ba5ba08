import type { PageRequest } from "./page.ts";

export type CiConclusion = "success" | "failure" | "cancelled" | "skipped";
export type CiStatus = "queued" | "in_progress" | "completed";

/** A remark on a line of the code. */
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
  readonly number: number;
  readonly id?: string;
  readonly name: string;
  /** Before `continue-on-error`; absent while it runs. */
  readonly outcome?: CiConclusion;
  /** After it; absent while it runs. */
  readonly conclusion?: CiConclusion;
  readonly exitCode?: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly startedAtMs?: number;
  readonly durationMs?: number;
  /** Where its output is, in order. */
  readonly executionIds: readonly string[];
  readonly annotations: readonly CiAnnotation[];
  /** Markdown. */
  readonly summary?: string;
  readonly error?: string;
}

/** One job, or one combination of a job's matrix. */
export interface CiJob {
  /** Unique in the run. */
  readonly key: string;
  /** Of the workflow file; `caller / called` in a reusable workflow. */
  readonly id: string;
  readonly name: string;
  readonly matrix: Readonly<Record<string, unknown>>;
  readonly needs: readonly string[];
  readonly status: CiStatus;
  /** Before `continue-on-error`. */
  readonly conclusion?: CiConclusion;
  /** It failed, and the workflow goes on as if it had not. */
  readonly continued?: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly steps: readonly CiStep[];
  readonly error?: string;
  readonly waitsFor?: "queue" | "concurrency";
  readonly environment?: { readonly name: string; readonly url?: string };
  /** Its result comes from an earlier attempt. */
  readonly kept?: boolean;
}

export interface CiEvent {
  readonly name: string;
  readonly action?: string;
  readonly ref: string;
  readonly sha: string;
  readonly headSha?: string;
  readonly baseRef?: string;
  readonly headRef?: string;
  readonly actor: string;
  /** From a fork: without secrets and without a token. */
  readonly isFork: boolean;
  readonly pullRequest?: number;
  readonly deliveryId?: string;
}

/** A run of a workflow. Its id is that of the durable run too. */
export interface CiRun {
  readonly id: string;
  readonly tenantId: string;
  readonly repositoryId?: string;
  readonly repository: string;
  /** Counts the runs of one workflow of one repository; attempts share it. */
  readonly number: number;
  readonly attempt: number;
  readonly rerunOf?: string;
  readonly workflow: { readonly name: string; readonly path: string };
  readonly title: string;
  readonly event: CiEvent;
  readonly source:
    | { readonly kind: "archive"; readonly id: string }
    | { readonly kind: "repository"; readonly repositoryId: string; readonly sha: string };
  readonly secretsId?: string;
  readonly status: CiStatus;
  readonly conclusion?: CiConclusion;
  readonly error?: string;
  readonly jobs: readonly CiJob[];
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly updatedAtMs: number;
}

export interface CiStart {
  /** What {@link Ci.upload} gave, or a commit of a repository; by default the one that the event's `ref` points to. */
  readonly source:
    | { readonly kind: "archive"; readonly id: string }
    | { readonly kind: "repository"; readonly repositoryId: string; readonly sha?: string | undefined };
  /** Of an archive, `owner/name`. Default `local/checkout`. */
  readonly repository?: string | undefined;
  /** Paths of workflow files; they run whatever their filters say. Default: all that the event starts. */
  readonly workflows?: readonly string[] | undefined;
  readonly event: {
    readonly name: string;
    readonly action?: string | undefined;
    /** `refs/heads/main`. Default: the default branch. */
    readonly ref?: string | undefined;
    /** Of an archive: the commit that it comes from. */
    readonly sha?: string | undefined;
    readonly baseRef?: string | undefined;
    readonly actor?: string | undefined;
    readonly payload?: Readonly<Record<string, unknown>> | undefined;
    /** For filters on paths. Default: not known, and then they keep nothing from running. */
    readonly changedFiles?: readonly string[] | undefined;
  };
  readonly inputs?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly vars?: Readonly<Record<string, string>> | undefined;
  /** Only this job of each workflow and what it needs. */
  readonly job?: string | undefined;
  /** Only the combinations of matrices with these values, as text. */
  readonly matrix?: Readonly<Record<string, string>> | undefined;
}

export interface CiRunFilter extends PageRequest {
  readonly repositoryId?: string | undefined;
  readonly repository?: string | undefined;
  /** The workflow file's path. */
  readonly workflow?: string | undefined;
  readonly event?: string | undefined;
  readonly ref?: string | undefined;
  readonly sha?: string | undefined;
  readonly status?: CiStatus | readonly CiStatus[] | undefined;
  readonly conclusion?: CiConclusion | readonly CiConclusion[] | undefined;
}

/** A piece of what a step printed, ANSI and line breaks included. */
export interface CiLogLine {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** The job's key. */
  readonly job: string;
  readonly step: { readonly number: number; readonly name: string };
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  readonly executionId: string;
  readonly seq: number;
}

/** A failure that happened at least three times in the same words. `confidence` fades when its step succeeds. Times are milliseconds since the epoch. */
export interface CiLesson {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: "lesson";
  readonly repository: string;
  readonly workflow: string;
  readonly job: string;
  readonly step: string;
  readonly exitCode?: number;
  readonly pattern: string;
  readonly example: string;
  readonly failures: number;
  readonly successesSince: number;
  readonly evidence: readonly { readonly runId: string; readonly atMs: number }[];
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
  readonly confidence: number;
}

export interface CiSuggestion {
  readonly kind: "known_failure" | "flaky" | "cache" | "reorder" | "split" | "raise_timeout";
  readonly workflow: string;
  readonly job: string;
  readonly step?: string;
  readonly message: string;
  readonly confidence: number;
  /** Ids of runs. */
  readonly evidence: readonly string[];
}

/** What a step's next run is expected to be. */
export interface CiStepForecast {
  readonly workflow: string;
  readonly job: string;
  readonly step: string;
  readonly runs: number;
  readonly successProbability: number;
  readonly durationMs?: number;
  /** Of such expectations so far: mean share by which the duration was off, Brier score of the success. */
  readonly error?: { readonly runs: number; readonly duration: number; readonly success: number };
}

export interface CiInsights {
  readonly repository: string;
  readonly lessons: readonly CiLesson[];
  readonly suggestions: readonly CiSuggestion[];
  readonly steps: readonly CiStepForecast[];
}

/** What a model makes of a file that cannot run as it is. */
export interface CiTranslation {
  /** Its journal has the question and the answer. */
  readonly runId: string;
  /** What the file does as it is, a line a command. */
  readonly deterministic: readonly string[];
  /** Absent where there is an `error`. */
  readonly translation?: {
    readonly name: string;
    readonly trigger: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly setupCommands: readonly string[];
    readonly steps: readonly {
      readonly name: string;
      readonly command: string;
      readonly workingDir?: string | null;
      readonly continueOnError?: boolean | null;
      readonly timeoutSeconds?: number | null;
    }[];
    readonly cleanupCommands: readonly string[];
    readonly cachePaths: readonly string[];
  };
  /** The translation as a workflow file. */
  readonly workflow?: string;
  /** From the deterministic plan to the translated one, `-`, `+` or two spaces before each line. */
  readonly diff: string;
  readonly error?: { readonly code: string; readonly message: string };
}
