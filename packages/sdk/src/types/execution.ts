import type { EventPayloads, StoredEvent } from "./event.ts";
import type { Language } from "./isolation.ts";
import type { ExecutionLimits, Some } from "./limits.ts";
import type { PageRequest } from "./page.ts";
import type { SessionInput } from "./session.ts";

export type ExecutionKind = "startup" | "repl" | "run_file" | "command";

export type ExecutionStatus =
  | "queued"
  | "running"
  | "ok"
  | "error"
  | "timeout"
  | "cpu_limit"
  | "memory_limit"
  | "events_limit"
  | "output_limit"
  | "killed"
  | "denied"
  | "cancelled"
  | "lost"
  | "internal_error";

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ExecutionInput {
  readonly kind: "repl" | "run_file" | "command";
  readonly language?: Language | undefined;
  /** `repl`: the code. */
  readonly input?: string | undefined;
  /** `run_file`: a path in the workspace. */
  readonly path?: string | undefined;
  /** `command`: the program and its arguments. */
  readonly argv?: readonly string[] | undefined;
  /** `run_file`: the file's arguments. */
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly limits?: Some<ExecutionLimits> | undefined;
  readonly onOutputLimit?: "truncate" | "stop" | undefined;
  /** What a second caller gets while another execution runs. Default `reject`. */
  readonly onBusy?: "reject" | "queue" | undefined;
  /** `command` only: does not take the session's turn; its deadline is `wallMs` if given, else the session's lifetime. */
  readonly background?: boolean | undefined;
  /** `command` only: a terminal of this size instead of pipes. */
  readonly terminal?: TerminalSize | undefined;
  /** Text for stdin, closed after it. Without it stdin stays open for writes. */
  readonly stdin?: string | undefined;
  /** `repl` and `run_file` in Python, JavaScript and TypeScript: pinned packages, installed into the session first. */
  readonly requirements?: readonly string[] | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface ExecutionMetrics {
  readonly queuedMs: number;
  readonly durationMs: number;
  readonly cpuMs: number;
  readonly maxRssKb: number;
  readonly events: number;
  readonly outputBytes: number;
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
}

/** An execution as the server tells of it. */
export interface ExecutionInfo {
  readonly id: string;
  readonly tenantId: string;
  readonly sessionId: string;
  readonly kind: ExecutionKind;
  readonly language?: Language;
  readonly input?: string;
  readonly path?: string;
  readonly argv?: readonly string[];
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly background: boolean;
  readonly status: ExecutionStatus;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly result?: EventPayloads["value"];
  readonly error?: EventPayloads["exception"];
  readonly metrics: ExecutionMetrics;
  readonly idempotencyKey?: string;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

export interface ExecutionFilter extends PageRequest {
  readonly sessionId?: string | undefined;
  readonly kind?: ExecutionKind | readonly ExecutionKind[] | undefined;
  readonly status?: ExecutionStatus | readonly ExecutionStatus[] | undefined;
  readonly language?: Language | undefined;
  /** Created at or after / before, RFC 3339. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface EventPageRequest {
  /** Only events with a greater `seq`. Default 0. */
  readonly afterSeq?: number | undefined;
  /** 1 to 10,000; default 1,000. */
  readonly limit?: number | undefined;
}

/** One page of a stream of events. */
export interface EventPage {
  readonly items: readonly StoredEvent[];
  /** Give this as `afterSeq` to read on. */
  readonly nextAfterSeq: number;
  /** No event will follow. */
  readonly done: boolean;
}

/** An execution; with its first 10,000 events when it was waited for. */
export interface ExecutionAnswer {
  readonly execution: ExecutionInfo;
  readonly events?: readonly StoredEvent[];
  /** There are more events; read on from here. */
  readonly nextAfterSeq?: number;
}

/** Something to run in a session that is made for it and closed after it. */
export interface ExecuteInput extends Omit<ExecutionInput, "onBusy" | "idempotencyKey" | "background"> {
  readonly session?: Omit<SessionInput, "key" | "reuse"> | undefined;
}

/** Just some code. */
export interface SnippetInput {
  readonly kind?: undefined;
  readonly language: Language;
  readonly code: string;
  /** Where it runs, behind what runs there; default: a session for this call only. */
  readonly sessionId?: string | undefined;
}

export interface BatchInput {
  /** The session for all items; without it each item is a one-shot of its own. */
  readonly sessionId?: string | undefined;
  /** Default `sequential`. */
  readonly mode?: "sequential" | "parallel" | undefined;
  /** Sequential: whether to go on after an item that did not end as `ok`. Default false. */
  readonly continueOnError?: boolean | undefined;
  readonly items: readonly ExecuteInput[];
}

export interface BatchItem extends Partial<ExecutionAnswer> {
  /** Not started because an earlier item failed. */
  readonly skipped?: boolean;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
}
