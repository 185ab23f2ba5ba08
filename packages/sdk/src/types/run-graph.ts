import type { RunBudget, RunUsage } from "./run.ts";

/** `group`: a `parallel` or a `waitAny` that is still on; `branch`: one of its branches. The others are operations. */
export type RunNodeKind =
  | "step"
  | "compensation"
  | "sleep"
  | "wait"
  | "child"
  | "now"
  | "random"
  | "uuid"
  | "budget"
  | "note"
  | "wait_any"
  | "group"
  | "branch";

/** `pending`: it was under way when the process ended, and has not begun again. `void`: taken back by a rollback. */
export type RunNodeStatus = "pending" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "void";

export interface RunNode {
  /** Unique in its run: `test`, `test#2`, `parallel/unit/test`. */
  readonly path: string;
  readonly kind: RunNodeKind;
  /** The path of the branch or group that it is in; absent at the top. */
  readonly parent?: string;
  readonly status: RunNodeStatus;
  /** Begun so far; 0 for what has none. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly waitsFor?: {
    readonly kind: "signal" | "approval" | "timer" | "child" | "retry";
    /** The signal's. */
    readonly name?: string;
    /** When it goes on, or gives up; milliseconds since the epoch. */
    readonly untilMs?: number;
  };
  readonly childRunId?: string;
}

/** What a run has done and does. */
export interface RunGraph {
  /** In the order in which they were first seen, parents before children. */
  readonly nodes: readonly RunNode[];
  /** `to` was asked for when `from` was answered. */
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  /** Operations beyond the 5,000 that are shown: what completed first is left out. */
  readonly omitted: number;
}

/** What a run may use, what it used, and when. */
export interface RunBudgetReport {
  readonly limits: RunBudget;
  readonly used: RunUsage;
  /** Oldest first, at most 1,000: of more every second, every fourth, …. */
  readonly history: readonly {
    readonly seq: number;
    /** Milliseconds since the epoch. */
    readonly atMs: number;
    readonly step?: string;
    readonly used: RunUsage;
  }[];
  /** The limit that ended the run. */
  readonly exceeded?: {
    readonly of: "run" | "tenant";
    readonly what: string;
    readonly limit: number;
    readonly used: number;
  };
}
