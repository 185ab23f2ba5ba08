import type { JsonValue } from "../../engine/index.ts";

/** An expression without its `${{ }}`. */
export type Expression = string;

/** A text that may hold `${{ expression }}`, evaluated when its value is needed. */
export type Templated = string;

/** What expressions can see, by GitHub's names; a context that is left out is not there. Names inside are compared without regard to case. */
export interface Contexts {
  readonly github?: JsonValue;
  readonly env?: JsonValue;
  readonly vars?: JsonValue;
  readonly secrets?: JsonValue;
  readonly inputs?: JsonValue;
  readonly matrix?: JsonValue;
  readonly strategy?: JsonValue;
  readonly needs?: JsonValue;
  readonly steps?: JsonValue;
  readonly job?: JsonValue;
  readonly jobs?: JsonValue;
  readonly runner?: JsonValue;
}

/** The functions of GitHub whose answers come from outside the expression. One that is left out cannot be called. */
export interface Functions {
  /** How the job stands where the expression is asked; `always()` needs none. */
  readonly status?: { success(): boolean; failure(): boolean; cancelled(): boolean };
  /** The answer for exactly these patterns, found beforehand: see `hashFilesCalls`. */
  hashFiles?(patterns: readonly string[]): string;
}
