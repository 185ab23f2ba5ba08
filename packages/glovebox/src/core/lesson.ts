/** What was learnt from failures of one step that end with the same words. Becomes a lesson with the third; before, it is kept to be counted. */
export interface Lesson {
  /** From what it is about: the same failure finds it again. */
  readonly id: string;
  readonly tenantId: string;
  readonly kind: "lesson";
  /** `owner/name` */
  readonly repository: string;
  readonly workflow: string;
  readonly job: string;
  readonly step: string;
  /** Absent: ended otherwise than by an exit. */
  readonly exitCode?: number;
  /** The first line that tells of the error, with what changes from run to run (numbers, hashes, times, paths) taken out. */
  readonly pattern: string;
  /** The line as it was the last time, secrets masked; at most 300 characters. */
  readonly example: string;
  /** Equal failures so far. */
  readonly failures: number;
  /** Runs in which the step succeeded since the last of them: each lets the lesson fade. */
  readonly successesSince: number;
  /** The latest runs that it was seen in, oldest first; at most 20. */
  readonly evidence: readonly { readonly runId: string; readonly atMs: number }[];
  /** The latest runs that were counted, whatever they said: a run counts once. At most 50. */
  readonly counted: readonly string[];
  /** Milliseconds since the epoch. */
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
}
