import { createHash } from "node:crypto";
import { canonicalJson } from "../../core/index.ts";

/** What a forge was told of a run, as it is kept. Hashes are of what was sent: the same is not sent twice. */
export interface ReportState {
  readonly jobs: Readonly<Record<string, JobState>>;
  /** By context. */
  readonly statuses: Readonly<Record<string, string>>;
}

export interface JobState {
  /** Making it was begun: its answer may have been lost. */
  readonly began?: true;
  readonly checkRunId?: string;
  readonly hash?: string;
  /** Of its annotations, how many the forge has. */
  readonly annotated?: number;
  /** The forge does not take it, whatever is tried. */
  readonly refused?: true;
}

export const NOTHING_REPORTED: ReportState = { jobs: {}, statuses: {} };

/** Of a pull request's comment. */
export interface CommentState {
  readonly id?: string;
  readonly hash?: string;
}

export function hashOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32);
}
