import type { Budget, Run, Usage } from "../core/index.ts";
import type { SessionServices } from "../sessions/index.ts";

/** The files of a session. */
export type WorkspaceFiles = Awaited<ReturnType<SessionServices["sessions"]["files"]>>;

/** A piece of a document of the context store. */
export interface ProjectHit {
  readonly path: string;
  readonly kind: string;
  /** From 1, both included. */
  readonly lines: { readonly start: number; readonly end: number };
  readonly text: string;
}

/** How a run of a flow, or of one agent's task, stands. */
export interface ProjectRun {
  readonly runId: string;
  readonly status: Run["status"];
  readonly isOver: boolean;
  /** It ended otherwise than well. */
  readonly isFailed: boolean;
  /** In words for a model, the most important first; as long as it is. */
  readonly text: string;
  readonly usage: Usage;
}

/** What is to be started, on a copy of a workspace. */
export interface ProjectStart {
  readonly files: WorkspaceFiles;
  /** What it may use at most; empty: what its own kind may. */
  readonly budget: Budget;
  /** Starting again with the same key gives the first run. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** What a server has for a conversation beside its sandbox. Everything is of one tenant. */
export interface ProjectServices {
  search(
    tenantId: string,
    query: { readonly query: string; readonly filter?: string | undefined; readonly k: number },
    signal: AbortSignal,
  ): Promise<readonly ProjectHit[]>;
  /** Resolves to the run's id. Errors: `not_found` for a flow that there is not, `invalid_argument`. */
  startFlow(
    tenantId: string,
    flow: { readonly flow: string; readonly input: Readonly<Record<string, unknown>> },
    start: ProjectStart,
  ): Promise<string>;
  /** Errors: `not_found`, also for runs of anything else. */
  flowRun(tenantId: string, runId: string): Promise<ProjectRun>;
  /** Has one agent do one task; resolves to the run's id. */
  startTask(
    tenantId: string,
    task: {
      readonly agent: string;
      readonly type?: string | undefined;
      readonly payload: Readonly<Record<string, unknown>>;
    },
    start: ProjectStart,
  ): Promise<string>;
  taskRun(tenantId: string, runId: string): Promise<ProjectRun>;
  /** Puts what a flow has changed into a workspace, all or nothing; gives the paths. Errors: `conflict` names the files that it does not fit. */
  applyFlow(
    tenantId: string,
    runId: string,
    work: { readonly files: WorkspaceFiles; readonly signal: AbortSignal },
  ): Promise<readonly string[]>;
  /** One that has ended is left at that. */
  cancel(tenantId: string, runId: string, reason: string): Promise<void>;
}
