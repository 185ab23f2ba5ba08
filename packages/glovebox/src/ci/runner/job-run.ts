import type { CiAnnotation, CiConclusion, CiStep, Isolation } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import type { JobStorage } from "../toolkit/job-storage.ts";
import type { Defaults, EnvBlock, StepsJob } from "../workflow/workflow.ts";

/** How a step or a job came out, in GitHub's words. */
export type StepConclusion = CiConclusion;

/** A remark on a line of the code, from a workflow command or a problem matcher. */
export type Annotation = CiAnnotation;

/** One job, or one combination of a job's matrix. All of it is journaled: no secret is in it. */
export interface JobRun {
  /** Unique in the run: 1 to 80 of `a-z`, `0-9`, `_` and `-`. The signal `cancel:KEY` ends the job. */
  readonly key: string;
  /** As shown: `test (20, linux)`. */
  readonly name: string;
  readonly job: StepsJob;
  readonly workflow: {
    readonly name: string;
    readonly path: string;
    readonly env: EnvBlock;
    readonly defaults: Defaults;
  };
  readonly contexts: {
    /** `workspace`, `action`, `event_path` and the like are the runner's to say. */
    readonly github: GithubContext;
    readonly vars: Readonly<Record<string, string>>;
    readonly inputs: Readonly<Record<string, JsonValue>>;
    readonly matrix: Readonly<Record<string, JsonValue>>;
    readonly strategy: Readonly<Record<string, JsonValue>>;
    readonly needs: Readonly<Record<string, JsonValue>>;
  };
  /** Name or id of the template of its session. */
  readonly template: string;
  readonly isolation?: Isolation;
  /** `after_each_step`: the session can be taken back to the state before any step, and outlives a crash of the host. */
  readonly snapshots: "never" | "after_each_step";
  /** False: the job gets no secrets, and {@link JobHost.secrets} is not asked. */
  readonly secretsAllowed: boolean;
  readonly limits?: {
    /** Of a step that names no `timeout-minutes`, milliseconds. Default: as the template says. */
    readonly stepTimeoutMs?: number;
    /** Of a job that names no `timeout-minutes`, milliseconds. Default 6 hours, as on GitHub. */
    readonly jobTimeoutMs?: number;
  };
}

/** What expressions find under `github`, and programs under `GITHUB_…`. */
export interface GithubContext {
  readonly event_name: string;
  /** The event's payload. */
  readonly event: { readonly [name: string]: JsonValue };
  readonly repository: string;
  readonly sha: string;
  readonly ref: string;
  readonly workflow: string;
  readonly run_id: string;
  readonly [name: string]: JsonValue;
}

/** What came of a step that is over: as the run's record has it. Everything is masked. */
export type StepOutcome = CiStep & Required<Pick<CiStep, "outcome" | "conclusion">>;

export interface JobOutcome {
  readonly conclusion: StepConclusion;
  /** Those that may hold a secret are left out, with a warning in the last step's annotations. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly steps: readonly StepOutcome[];
  readonly environmentUrl?: string;
  /** What ended the job, where no step says so. */
  readonly error?: string;
}

/** An action of another repository. */
export interface ActionReference {
  readonly owner: string;
  readonly repo: string;
  /** Of the action within its repository; absent at its root. */
  readonly path?: string;
  /** A branch, tag or commit. */
  readonly ref: string;
}

/** An action's repository at one commit. */
export interface FetchedAction {
  /** An uncompressed tar of the whole repository. */
  readonly files: AsyncIterable<Uint8Array>;
  /** The full commit; journaled, and asked for instead of the ref when the run goes on elsewhere. */
  readonly commit: string;
}

/** What the runner needs from outside. */
export interface JobHost {
  /** The values of the job's secrets by name. Never journaled; masked in all that is kept. */
  secrets(job: JobRun): Promise<Readonly<Record<string, string>>>;
  /**
   * An uncompressed tar of the job's repository, or of another one of the same forge, at a ref. Default: the job's own at its commit. Errors: `not_found`,
   * `permission_denied`.
   */
  source(job: JobRun, request: SourceRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Whether `source` gives a `.git` where it is asked for one. Default: there is none to give. */
  readonly hasHistory?: boolean;
  /** Errors: `not_found`; `denied_by_policy` when the allow-list has it not. */
  action(reference: ActionReference, signal: AbortSignal): Promise<FetchedAction>;
  /** What jobs keep for other jobs, for `actions/cache`, `actions/upload-artifact` and the like. Default: they are refused. */
  readonly storage?: JobStorage;
  /**
   * Is told of every step that begins or ends: for the live tree and the run's record. After a restart it is told again of what is over. It is called from the run's program,
   * so it may not look at a clock or a file.
   */
  progress(job: JobRun, steps: readonly StepOutcome[], current?: StepAtWork): void;
}

/** A step that is not over. */
export interface StepAtWork {
  readonly number: number;
  readonly id?: string;
  readonly name: string;
  /** What it ran and runs, in order: its output is to be followed there. Empty in what a restarted server tells of the past. */
  readonly executionIds: readonly string[];
}

export interface SourceRequest {
  readonly repository?: string;
  readonly ref?: string;
  readonly submodules?: boolean | "recursive";
  readonly lfs?: boolean;
  /** With a `.git`: so many commits back (0: all, of all branches and tags), and with tags. */
  readonly history?: { readonly depth: number; readonly tags: boolean; readonly ref: string };
}
