import type { ErrorCode } from "../errors.ts";
import type { RepositorySource } from "./agent.ts";
import type { Isolation } from "./isolation.ts";
import type { Json } from "./json.ts";
import type { RunBudget, RunStatus } from "./run.ts";

/** A flow that can be started by name. */
export interface FlowInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly kind: "built_in" | "module" | "yaml";
  /** Whether it works on a repository. */
  readonly repository: boolean;
  /** JSON Schema of its input. */
  readonly input: { readonly [key: string]: Json };
}

/** A step before anything has run. */
export interface FlowPlanStep {
  readonly id: string;
  readonly kind: string;
  readonly agent?: string;
  readonly note?: string;
  /** Steps of the same list that are done before it; absent: the one before. */
  readonly after?: readonly string[];
  readonly if?: string;
  /** How often at most; absent: once. */
  readonly rounds?: number;
  readonly budget?: RunBudget;
  readonly steps?: readonly FlowPlanStep[];
}

export interface FlowPlan {
  readonly flow: string;
  readonly version: string;
  readonly steps: readonly FlowPlanStep[];
  /** Of the whole run; empty: no limit. */
  readonly budget: RunBudget;
}

/** Which flow, and what it gets. */
export interface FlowChoice {
  /** One that the server knows, by name … */
  readonly flow?: string | undefined;
  /** … or one as it is written, in YAML. */
  readonly definition?: string | undefined;
  readonly input?: { readonly [key: string]: unknown } | undefined;
  /** Of the run. Default: the flow's own, else the server's. */
  readonly budget?: RunBudget | undefined;
}

/** What a flow works with, besides its input. */
export interface FlowSetup {
  readonly repository?: RepositorySource | undefined;
  /** Of the sandbox. Default `ci`, which has Python and Node. */
  readonly template?: string | undefined;
  readonly isolation?: Isolation | undefined;
  /** Fixes what programs inside see of chance and place. Default true. */
  readonly deterministic?: boolean | undefined;
  /** Default: the server's, where it has one; `none`: nobody is asked. */
  readonly model?: string | undefined;
  /** Of a repository that the server knows: the change is pushed as a branch, or also proposed. Default: the diff is all. */
  readonly publish?: "branch" | "pull_request" | undefined;
  /** `after_each_step` keeps the repository's state, for rollbacks. Default `never`. */
  readonly snapshots?: "never" | "after_each_step" | undefined;
}

export interface FlowStart extends FlowChoice {
  readonly setup?: FlowSetup | undefined;
  /** From now on, downtime included. */
  readonly timeoutMs?: number | undefined;
}

export interface FlowProblem {
  readonly message: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly path: string;
}

export interface FlowValidation {
  readonly ok: boolean;
  readonly problems: readonly FlowProblem[];
  readonly plan?: FlowPlan;
}

export interface FlowStep {
  readonly id: string;
  readonly agent?: string;
  readonly status: "done" | "failed" | "skipped";
  readonly summary: string;
}

export interface FlowTests {
  readonly runner: string;
  readonly status: "passed" | "failed" | "timeout" | "crashed" | "no_tests";
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Ids of those that do not pass; the first hundred. */
  readonly failing: readonly string[];
  readonly flaky: readonly string[];
}

/** What a person is asked. */
export interface FlowQuestion {
  readonly id: string;
  readonly kind: "approve" | "edit" | "ask";
  readonly text: string;
  readonly diff?: string;
  /** What may be answered; absent: any text. */
  readonly choices?: readonly string[];
}

export interface FlowAnswer {
  /** Default: the only question that is open. */
  readonly question?: string | undefined;
  /** To `approve`. */
  readonly approved?: boolean | undefined;
  /** To `ask`. */
  readonly answer?: string | undefined;
  /** To `edit`: the whole diff as it is to be. */
  readonly diff?: string | undefined;
  readonly comment?: string | undefined;
}

/** What a run of a flow came to, or as far as it came. */
export interface FlowRun {
  readonly runId: string;
  readonly flow: string;
  /** Of the run; `failed` also when the flow did not come to what was asked of it. */
  readonly status: RunStatus;
  readonly reason?: string;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: { readonly [key: string]: Json };
  };
  readonly steps: readonly FlowStep[];
  /** Where the change goes; null: nothing is changed. */
  readonly branch: string | null;
  /** The commit that the change was made on. */
  readonly head?: string;
  /** The repository differed from that commit. */
  readonly dirty?: boolean;
  /** All changes as a unified diff. */
  readonly diff: string;
  readonly changes: readonly {
    readonly path: string;
    /** Base64; null: the file is gone. */
    readonly content: string | null;
    readonly mode?: "100644" | "100755";
  }[];
  readonly tests: FlowTests | null;
  /** What was pushed. */
  readonly published?: {
    readonly commit: string;
    readonly pullRequest?: { readonly number: number; readonly url: string };
  };
  /** Lines that may be at fault, most likely first. */
  readonly suspects?: readonly { readonly path: string; readonly line: number; readonly score: number }[];
  readonly output?: Json;
  readonly questions: readonly FlowQuestion[];
}
