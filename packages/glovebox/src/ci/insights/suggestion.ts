/** Something that would make a repository's CI better, as a sentence for people and as data. None of it blocks anything. */
export interface Suggestion {
  readonly kind: "known_failure" | "flaky" | "cache" | "reorder" | "split" | "raise_timeout";
  readonly workflow: string;
  readonly job: string;
  readonly step?: string;
  readonly message: string;
  /** From 0 to 1. */
  readonly confidence: number;
  /** Runs that show it, the latest last. */
  readonly evidence: readonly string[];
}
