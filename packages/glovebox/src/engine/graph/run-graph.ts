import type { OpKind } from "../journal/record.ts";

/** `group`: a `parallel` or a `waitAny` that is still on; `branch`: one of its branches. The others are operations. */
export type NodeKind = OpKind | "group" | "branch";

/**
 * `pending`: it was under way when the process ended, and has not begun again. `cancelled`: nobody wanted its answer any more. `void`: taken back by a
 * rollback. A group and its branches are as what is in them: a branch as its last operation or failed when its error ended the run, a group failed when a branch is.
 */
export type NodeStatus = "pending" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "void";

/** What a waiting node waits for. */
export interface NodeWait {
  readonly kind: "signal" | "approval" | "timer" | "child" | "retry";
  /** The signal's. */
  readonly name?: string;
  /** Milliseconds since the epoch: when it goes on, or gives up. */
  readonly untilMs?: number;
}

export interface RunNode {
  /** Unique in its run: `test`, `test#2`, `parallel/unit/test`. */
  readonly path: string;
  readonly kind: NodeKind;
  /** The path of the branch or group that it is in; absent at the top. */
  readonly parent?: string;
  readonly status: NodeStatus;
  /** Begun so far; 0 for what has none. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** Of a failed one; of one that is tried again, the last. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly waitsFor?: NodeWait;
  readonly childRunId?: string;
}

/** `to` was asked for when `from` was answered. Groups lead to their branches, branches to what is first in them. */
export interface RunEdge {
  readonly from: string;
  readonly to: string;
}

/** What a run has done and does. */
export interface RunGraph {
  /** In the order in which they were first seen, parents before children. */
  readonly nodes: readonly RunNode[];
  readonly edges: readonly RunEdge[];
  /** Operations that are left out, because there are too many: what completed first goes first. */
  readonly omitted: number;
}
