import type { CiRun } from "../../core/index.ts";
import type { ForgeEvent } from "../../forges/index.ts";
import type { CiRunFilter, Page } from "../../store/index.ts";
import type { CiRepository } from "./ports.ts";
import type { CiLogLine, CiStartRequest, RerunRequest } from "./start-request.ts";

/** Runs of workflows, as surfaces and webhooks see them. Whatever names a thing of another tenant is `not_found`. */
export interface CiService extends AsyncDisposable {
  /** Keeps an uncompressed tar of a checkout for runs to work on; a day, unless a run names it. `invalid_argument` when it is none. */
  putSource(tenantId: string, archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<string>;
  /** Begins the workflows that an event starts; all are on disk when it resolves. `not_found`, `invalid_argument`, `queue_full`. */
  start(tenantId: string, request: CiStartRequest): Promise<readonly CiRun[]>;
  /** What a forge says has happened. The same delivery begins its runs once. Gives the runs that it began. */
  receive(event: ForgeEvent, repository: CiRepository, signal: AbortSignal): Promise<readonly CiRun[]>;
  /** Newest first. */
  list(tenantId: string, filter?: CiRunFilter): Promise<Page<CiRun>>;
  get(tenantId: string, id: string): Promise<CiRun>;
  /** As {@link get}, and again at every change, until the run is completed. */
  follow(tenantId: string, id: string, signal?: AbortSignal): AsyncIterable<CiRun>;
  /** What its steps printed, job by job. `follow`: goes on until the run is completed, in the order in which it comes. */
  logs(tenantId: string, id: string, options?: LogOptions): AsyncIterable<CiLogLine>;
  /** Another attempt, as a run of its own. `conflict` while the run goes on. */
  rerun(tenantId: string, id: string, request?: RerunRequest): Promise<CiRun>;
  /**
   * The same run goes on again from the step at which a job failed, in the state before that step. `conflict` while it goes on, when no step failed, or when its steps' states were
   * not kept.
   */
  retry(tenantId: string, id: string, job?: string): Promise<CiRun>;
  /** Ends it: steps under way are ended with their processes, those that ask for it still run. On disk when it resolves. `conflict` once it is completed. */
  cancel(tenantId: string, id: string, reason?: string): Promise<CiRun>;
  /** A new session with the state at which a job's step failed. Errors as of {@link retry}. */
  debug(tenantId: string, id: string, job: string): Promise<{ readonly sessionId: string }>;
}

export interface LogOptions {
  /** By key, id or name. */
  readonly job?: string;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}
