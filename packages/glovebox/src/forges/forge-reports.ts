import type { CiAnnotation, CiConclusion } from "../core/index.ts";

export type ReportState = "queued" | "in_progress" | "completed";

export interface CheckRunReport {
  readonly name: string;
  readonly headSha: string;
  /** Ours, by which a check run is found again. */
  readonly externalId: string;
  readonly status: ReportState;
  /** Present exactly when `status` is `completed`. */
  readonly conclusion?: CiConclusion;
  /** Milliseconds since the epoch. */
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  readonly detailsUrl?: string;
  readonly title: string;
  /** Markdown; cut to what the forge takes. */
  readonly summary: string;
  /** 50 at most: those of further calls are added to what is there. */
  readonly annotations: readonly CiAnnotation[];
}

export interface StatusReport {
  readonly sha: string;
  /** What tells statuses of a commit apart. */
  readonly context: string;
  readonly state: "pending" | "success" | "failure" | "error";
  readonly description: string;
  readonly targetUrl?: string;
}

/** Check runs, which only Apps may write. */
export interface CheckRunReports {
  /** Resolves to its id. */
  create(report: CheckRunReport, signal: AbortSignal): Promise<string>;
  update(id: string, report: CheckRunReport, signal: AbortSignal): Promise<void>;
  /** The id of one that was made before, perhaps by a server whose answer was lost. */
  find(
    report: Pick<CheckRunReport, "headSha" | "name" | "externalId">,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}

/**
 * Where results go. One attempt a call. Errors: `rate_limited` with `details.retryAfterMs`; `forge_unavailable` when the forge failed or did
 * not answer; `permission_denied`, `not_found` and `invalid_argument` when trying again does not help.
 */
export interface ForgeReports {
  /** Absent where the credentials cannot write them. */
  readonly checkRuns?: CheckRunReports;
  setStatus(report: StatusReport, signal: AbortSignal): Promise<void>;
  /** The comment of a pull request that begins with `marker`. */
  findComment(pullRequest: number, marker: string, signal: AbortSignal): Promise<string | undefined>;
  createComment(pullRequest: number, body: string, signal: AbortSignal): Promise<string>;
  /** `not_found` when somebody deleted it. */
  updateComment(id: string, body: string, signal: AbortSignal): Promise<void>;
}

/** The webhook of a repository at its forge. Errors as of {@link ForgeReports}. */
export interface ForgeHooks {
  /** Makes it, or brings the one with this URL up to date. Resolves to its id. */
  register(hook: { readonly url: string; readonly secret: string }, signal: AbortSignal): Promise<string>;
  remove(id: string, signal: AbortSignal): Promise<void>;
}
