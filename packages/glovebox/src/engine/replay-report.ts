/** Where a program decided otherwise than its journal says. */
export interface Difference {
  readonly seq: number;
  readonly step?: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/** A step that was done again and came to another result. Results that are large are cut. */
export interface LiveDifference {
  readonly step: string;
  /** What the journal has: what was compared of the result, or `{error}`. */
  readonly expected: unknown;
  readonly found: unknown;
}

export interface ReplayOptions {
  /** Does the steps that say so (`StepOptions.live`) again, with keys of the replay's own, and compares their results; nothing of it is journaled. Default false. */
  readonly live?: boolean;
  /** Ends the replay and its work; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ReplayReport {
  /** Whether the program decided what it had decided. */
  readonly identical: boolean;
  /** How many records were compared; those that a rollback made void are not. */
  readonly records: number;
  readonly firstDifference?: Difference;
  /** Of a live replay: how many steps were done again, and those whose results differ, at most the first 100. */
  readonly live?: { readonly steps: number; readonly differences: readonly LiveDifference[] };
}
