/** A line that may be what is wrong. */
export interface Suspect {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** 0 to 1; higher is more suspicious. */
  readonly score: number;
  /** How many of the failing tests ran it. */
  readonly tests: number;
  /** What speaks for it, for people. */
  readonly why: readonly string[];
}

/** By score, then path and line. */
export function compareSuspects(a: Suspect, b: Suspect): number {
  return b.score - a.score || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}
