import type { Budget } from "../../core/index.ts";

/** A step as it is before anything has run: for the dry run, and for people who want to know what a flow does. */
export interface PlanStep {
  readonly id: string;
  /** What it is: `agent`, `parallel`, `for_each`, `until`, `group`, `apply`, `approve`, `edit`, `ask`, `remember`. */
  readonly kind: string;
  readonly agent?: string;
  /** For people, a few words. */
  readonly note?: string;
  /** Steps of the same list that are done before it; absent: the one before. */
  readonly after?: readonly string[];
  /** When it is done at all. */
  readonly if?: string;
  /** How often at most; absent: once. */
  readonly rounds?: number;
  readonly budget?: Budget;
  readonly steps?: readonly PlanStep[];
}

/** What would be done. */
export interface FlowPlan {
  readonly flow: string;
  readonly version: string;
  readonly steps: readonly PlanStep[];
  /** Of the whole run; empty: no limit. */
  readonly budget: Budget;
}
