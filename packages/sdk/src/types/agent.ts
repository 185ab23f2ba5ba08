import type { ErrorCode } from "../errors.ts";
import type { PageRequest } from "./page.ts";
import type { RunInfo } from "./run.ts";

/** What an agent does; outside agents have types of their own, which begin with `x-`. */
export type TaskType =
  | "codegen"
  | "testgen"
  | "test_exec"
  | "static_analysis"
  | "debug"
  | "performance"
  | "design_review"
  | "plan"
  | "merge"
  | "route"
  | "evaluate"
  | `x-${string}`;

/** Times are RFC 3339. */
export interface AgentInfo {
  readonly name: string;
  readonly kind: "built-in" | "outside";
  readonly capabilities: readonly string[];
  readonly description: string;
  /** `busy`: it has as many tasks as it does at a time. `down`: no sign of life for 60 s. */
  readonly status: "idle" | "busy" | "down";
  /** Tasks that it has and that have not ended. */
  readonly load: number;
  readonly maxTasks?: number;
  readonly registeredAt?: string;
  readonly lastSeenAt?: string;
}

export interface AgentRegistration {
  /** A small letter first, then letters, digits, `_`, `.`, `-`; at most 40. Unique in its tenant. */
  readonly name: string;
  readonly capabilities: readonly TaskType[];
  readonly description?: string | undefined;
  /** Tasks that it does at a time. Default 1. */
  readonly maxTasks?: number | undefined;
}

export interface TaskConstraints {
  /** From the task's acceptance, over all attempts. */
  readonly timeoutMs?: number | undefined;
  readonly deterministic?: boolean | undefined;
  /** For effects outside: a target that honours it applies each once. */
  readonly idempotencyKey?: string | undefined;
  readonly budget?:
    | {
        readonly wallMs?: number | undefined;
        readonly tokens?: number | undefined;
        readonly dollars?: number | undefined;
        readonly toolCalls?: number | undefined;
        readonly sandboxSeconds?: number | undefined;
      }
    | undefined;
}

/** Work for an agent. */
export interface AgentTask {
  readonly type: TaskType;
  /** Unique in its run. */
  readonly id: string;
  /** The task whose result proposed this one. */
  readonly parentId?: string;
  readonly runId: string;
  readonly agent: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly constraints: TaskConstraints;
  readonly traceId: string;
  readonly protocolVersion: 1;
}

export interface NewTask {
  readonly id: string;
  readonly type: TaskType;
  readonly agent?: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Ids of tasks that must be done before. */
  readonly after?: readonly string[] | undefined;
}

export interface Diff {
  readonly format: "unified";
  readonly text: string;
  /** SHA-256, hex, before and after; null: it was not there, or is no more. */
  readonly files: readonly {
    readonly path: string;
    readonly baseHash: string | null;
    readonly newHash: string | null;
  }[];
}

/** What a result has to show. What each kind says is in the published schemas. */
export interface Artifact {
  readonly kind:
    | "text"
    | "file"
    | "diff"
    | "test_result"
    | "analysis"
    | "coverage"
    | "profile"
    | "candidate_list"
    | "selection"
    | "transcript";
  readonly [field: string]: unknown;
}

/** What came of a task. */
export interface AgentOutcome {
  readonly delta:
    | { readonly kind: "diff"; readonly diff: Diff }
    | { readonly kind: "doc"; readonly id: string; readonly content: string }
    | {
        readonly kind: "summary";
        readonly text: string;
        readonly data?: Readonly<Record<string, unknown>> | undefined;
      };
  readonly artifacts: readonly Artifact[];
  readonly newTasks: readonly NewTask[];
}

export interface TaskMetrics {
  readonly tokensUsed: number;
  readonly timeMs: number;
  readonly toolCalls: number;
}

interface Head {
  readonly type: TaskType;
  readonly id: string;
  readonly runId: string;
  readonly agent: string;
  readonly protocolVersion: 1;
}

export interface AgentResult extends Head {
  readonly payload: AgentOutcome;
  readonly metrics: TaskMetrics;
}

export interface AgentFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Another attempt may help: then another agent gets the task. */
  readonly retryable: boolean;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

export interface AgentError extends Head {
  readonly error: AgentFailure;
}

/** One task that an agent is to do in a run of its own. */
export interface AgentRunInput {
  /** Default: the agent's first capability. */
  readonly type?: TaskType | undefined;
  /** As the agent's schema says. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly constraints?: TaskConstraints | undefined;
  /** The repository that it works on. */
  readonly repository?: RepositorySource | undefined;
  /** Of the sandbox that the repository lies in. */
  readonly template?: string | undefined;
  /** Fixes what programs inside see of chance and place. Default true. */
  readonly deterministic?: boolean | undefined;
  /** Default: agents do without. */
  readonly model?: string | undefined;
}

/** `folder`: of the server's machine, where it allows that. `archive`: a tar that was sent to the server. */
export type RepositorySource =
  | { readonly kind: "folder"; readonly path: string; readonly include?: readonly string[] | undefined }
  | { readonly kind: "repository"; readonly repositoryId: string; readonly ref?: string | undefined }
  | {
      readonly kind: "archive";
      readonly sha256: string;
      readonly head?: string | undefined;
      readonly dirty?: boolean | undefined;
      readonly include?: readonly string[] | undefined;
    };

/** `answer` once the run has completed. */
export interface AgentRun {
  readonly run: RunInfo;
  readonly answer?: AgentResult | AgentError;
}

export type QueuedTaskState = "queued" | "leased" | "completed" | "failed" | "dead";

/** A task in the queue for outside agents. */
export interface QueuedTask {
  readonly id: string;
  readonly runId: string;
  /** Within its run. */
  readonly taskId: string;
  readonly type: string;
  readonly agent?: string;
  /** `failed`: it ended without a result. `dead`: its attempts are used up. */
  readonly state: QueuedTaskState;
  readonly createdAt: string;
  readonly deadlineAt: string;
  readonly leaseUntil?: string;
  readonly attempts: readonly {
    readonly agent: string;
    readonly startedAt: string;
    readonly endedAt?: string;
    readonly error?: { readonly code: ErrorCode; readonly message: string };
  }[];
  readonly summary?: string;
}

export interface QueuedTaskFilter extends PageRequest {
  readonly state?: QueuedTaskState | readonly QueuedTaskState[] | undefined;
  readonly agent?: string | undefined;
  readonly runId?: string | undefined;
}

/** A task in an agent's hands. */
export interface TaskLease {
  readonly id: string;
  /** Proves that the task is still the agent's. */
  readonly leaseId: string;
  readonly leaseUntil: string;
  /** From 1. */
  readonly attempt: number;
  readonly task: AgentTask;
}
