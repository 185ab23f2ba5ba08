import type { JsonValue } from "../../engine/index.ts";
import type { Expression, Templated } from "../expressions/contexts.ts";

/** Where something stands in its file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What is wrong, or dubious, in a workflow or action file. A workflow with an error is not run. */
export interface WorkflowProblem extends Position {
  readonly path: string;
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** Environment by name; or one whole expression that gives an object. */
export type EnvBlock = Readonly<Record<string, Templated>> | Templated;

export interface Defaults {
  readonly shell?: Templated;
  readonly workingDirectory?: Templated;
}

export interface Concurrency {
  readonly group: Templated;
  readonly cancelInProgress: Templated | boolean;
}

/** What the job's token may do, by scope; for all scopes at once, GitHub's short words. */
export type Permissions = Readonly<Record<string, "read" | "write" | "none">> | "read-all" | "write-all";

/** The filters of one event. No filter at all: every delivery of the event matches. */
export interface EventFilter {
  readonly types?: readonly string[];
  readonly branches?: readonly string[];
  readonly branchesIgnore?: readonly string[];
  readonly tags?: readonly string[];
  readonly tagsIgnore?: readonly string[];
  readonly paths?: readonly string[];
  readonly pathsIgnore?: readonly string[];
  /** For `workflow_run`: the names of the workflows that it waits for. */
  readonly workflows?: readonly string[];
}

export type InputType = "string" | "boolean" | "number" | "choice" | "environment";

/** An input of `workflow_dispatch`, `workflow_call` or an action. */
export interface InputDefinition {
  readonly type: InputType;
  readonly description?: string;
  readonly required: boolean;
  /** May hold expressions in `workflow_call` and in actions. */
  readonly default?: Templated | number | boolean;
  readonly options?: readonly string[];
}

export interface Schedule {
  /** Five fields, in UTC where no time zone is named. */
  readonly cron: string;
  readonly timezone?: string;
}

/** What `workflow_call` declares: how a caller hands over values, and what comes back. */
export interface CallInterface {
  readonly inputs: Readonly<Record<string, InputDefinition>>;
  readonly secrets: Readonly<Record<string, { readonly required: boolean }>>;
  readonly outputs: Readonly<Record<string, Templated>>;
}

export interface Triggers {
  /** By the event's name; every event of `on:` is here, those below too. */
  readonly events: Readonly<Record<string, EventFilter>>;
  readonly schedule: readonly Schedule[];
  readonly dispatch?: { readonly inputs: Readonly<Record<string, InputDefinition>> };
  readonly call?: CallInterface;
}

/** A matrix as it was written: lists by name, or an expression for the whole, for a list, for include or exclude. */
export type MatrixTemplate =
  | Templated
  | {
      readonly vectors: Readonly<Record<string, Templated | readonly JsonValue[]>>;
      readonly include: Templated | readonly Readonly<Record<string, JsonValue>>[];
      readonly exclude: Templated | readonly Readonly<Record<string, JsonValue>>[];
    };

export interface Strategy {
  readonly matrix?: MatrixTemplate;
  /** Default true. */
  readonly failFast: Templated | boolean;
  readonly maxParallel?: Templated | number;
}

interface JobBase {
  readonly id: string;
  readonly name?: Templated;
  readonly needs: readonly string[];
  readonly if?: Expression;
  readonly permissions?: Permissions;
  readonly concurrency?: Concurrency;
  readonly strategy?: Strategy;
  readonly continueOnError?: Templated | boolean;
  readonly position: Position;
}

export type RunsOn =
  | Templated
  | readonly Templated[]
  | { readonly group?: Templated; readonly labels: Templated | readonly Templated[] };

export interface StepsJob extends JobBase {
  readonly kind: "steps";
  readonly runsOn: RunsOn;
  readonly timeoutMinutes?: Templated | number;
  readonly env: EnvBlock;
  readonly defaults: Defaults;
  readonly environment?: { readonly name: Templated; readonly url?: Templated };
  readonly outputs: Readonly<Record<string, Templated>>;
  /** As it was written. */
  readonly container?: unknown;
  /** As they were written. */
  readonly services?: unknown;
  readonly steps: readonly Step[];
}

/** A job that calls a reusable workflow. */
export interface ReusableJob extends JobBase {
  readonly kind: "reusable";
  /** `./.github/workflows/x.yml` or `owner/repo/.github/workflows/x.yml@ref`. */
  readonly uses: string;
  readonly with: Readonly<Record<string, Templated | number | boolean>>;
  readonly secrets: "inherit" | Readonly<Record<string, Templated>>;
}

export type Job = StepsJob | ReusableJob;

interface StepBase {
  readonly id?: string;
  readonly name?: Templated;
  readonly if?: Expression;
  readonly env: EnvBlock;
  readonly continueOnError?: Templated | boolean;
  readonly timeoutMinutes?: Templated | number;
  readonly position: Position;
}

export interface RunStep extends StepBase {
  readonly kind: "run";
  readonly run: Templated;
  readonly shell?: Templated;
  readonly workingDirectory?: Templated;
}

export interface UsesStep extends StepBase {
  readonly kind: "uses";
  /** `owner/repo[/path]@ref`, `./path` or `docker://image`. */
  readonly uses: string;
  readonly with: Readonly<Record<string, Templated>>;
}

export type Step = RunStep | UsesStep;

/** A workflow file as data, in JSON's types only. Strings may hold `${{ }}`. */
export interface Workflow {
  readonly path: string;
  /** The file's path where the workflow has no name, as on GitHub. */
  readonly name: string;
  readonly runName?: Templated;
  readonly on: Triggers;
  readonly env: EnvBlock;
  readonly defaults: Defaults;
  readonly permissions?: Permissions;
  readonly concurrency?: Concurrency;
  /** In the order of the file. */
  readonly jobs: readonly Job[];
}
