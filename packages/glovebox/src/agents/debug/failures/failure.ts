/** Where an error was on its way, in a file of the repository. */
export interface Frame {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly column?: number;
  readonly function?: string;
}

/** What kind of thing went wrong, as far as it says where to look. */
export type ErrorKind =
  | "assertion"
  | "not_raised"
  | "nothing"
  | "type"
  | "index"
  | "key"
  | "name"
  | "division"
  | "import"
  | "syntax"
  | "recursion"
  | "timeout"
  | "other";

/** What a failing test says. */
export interface Failure {
  readonly test: string;
  readonly kind: ErrorKind;
  /** `ValueError`, `AssertionError`, `TypeError` …; empty when nothing says. */
  readonly errorName: string;
  /** The first line of what it said, at most 500 characters. */
  readonly message: string;
  /** In the repository and outside of its tests, innermost first, at most 50. */
  readonly frames: readonly Frame[];
  /** In tests, innermost first. */
  readonly testFrames: readonly Frame[];
}
