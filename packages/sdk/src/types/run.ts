import type { ErrorCode } from "../errors.ts";
import type { PageRequest } from "./page.ts";

export type RunStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** What may be used; absent: no limit. */
export interface RunBudget {
  /** Milliseconds from the run's start, waiting and downtime included. */
  readonly wallMs?: number | undefined;
  /** In and out together. */
  readonly tokens?: number | undefined;
  /** US dollars. */
  readonly dollars?: number | undefined;
  readonly toolCalls?: number | undefined;
  readonly sandboxSeconds?: number | undefined;
}

export interface RunUsage {
  readonly tokens: number;
  readonly dollars: number;
  readonly toolCalls: number;
  readonly sandboxSeconds: number;
}

/** A durable run as the server tells of it. */
export interface RunInfo {
  readonly id: string;
  readonly tenantId: string;
  readonly program: string;
  readonly version: string;
  readonly status: RunStatus;
  /** While `waiting`. */
  readonly waitingFor?: readonly ("signal" | "approval" | "timer" | "child")[];
  /** Higher goes first among what is due. */
  readonly priority: number;
  readonly createdAt: string;
  readonly endedAt?: string;
  /** Of a failed run, and the reason of a cancelled one. */
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
  readonly parentId?: string;
  /** The run that this one was forked from, and the step at which they part. */
  readonly forkedFrom?: { readonly runId: string; readonly step: string };
  readonly idempotencyKey?: string;
  /** SHA-256, hex, of the input's canonical JSON. */
  readonly inputHash: string;
  /** Milliseconds since the epoch. */
  readonly deadlineMs?: number;
  readonly budget?: RunBudget;
  readonly usage: RunUsage;
  /** How often it was taken up again. */
  readonly resumes: number;
  /** How often it was taken back to before a step; absent: never. */
  readonly rollbacks?: number;
  /** Set while it is taken back to before a step. */
  readonly rollingBack?: { readonly step: string; readonly reason?: string };
  /** Came in by import: it can be looked at, replayed and forked, never resumed. */
  readonly imported?: boolean;
}

/** A document of the context store in which something of what a run wrote stays. */
export interface KeptDocument {
  readonly id: string;
  readonly scope: string;
  readonly kind: string;
  readonly path?: string;
  /** The current one, which was left as it is. */
  readonly version: number;
  /** Somebody else wrote after it, or what was before has been forgotten. */
  readonly reason: "changed_since" | "forgotten";
}

/** A run that goes on from before a step. */
export interface RolledBackRun extends RunInfo {
  /** What was taken back beside its journal and sandboxes. */
  readonly restored?: {
    /** Of the documents that it wrote: how many are as if it had not, and how many are not, with the first 100 of those. */
    readonly context?: {
      readonly documents: number;
      readonly kept: number;
      readonly conflicts: readonly KeptDocument[];
    };
  };
}

/** A program that can be started. */
export interface ProgramInfo {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** JSON Schema. */
  readonly input: Readonly<Record<string, unknown>>;
  /** JSON Schema. */
  readonly output: Readonly<Record<string, unknown>>;
}

export interface RunInput {
  readonly program: string;
  /** Default: the one that was registered last. */
  readonly version?: string | undefined;
  /** JSON, as the program's input schema says. */
  readonly input?: unknown;
  /** Higher goes first among what is due: -1,000 to 1,000, default 0. */
  readonly priority?: number | undefined;
  /** From now on, downtime included; the run fails with `deadline_exceeded` afterwards. */
  readonly timeoutMs?: number | undefined;
  readonly budget?: RunBudget | undefined;
}

/** `output` when it completed; what went wrong is in `run.error`. */
export interface RunResult {
  readonly run: RunInfo;
  readonly output?: unknown;
}

export interface RunFilter extends PageRequest {
  readonly status?: RunStatus | readonly RunStatus[] | undefined;
  readonly program?: string | undefined;
  /** Only runs that this one started. */
  readonly parentId?: string | undefined;
}

/** A record of a run's journal. `hash` covers `seq, ts, type, step, attempt, payloadHash` and the hash before. */
export interface RunRecord {
  readonly runId: string;
  /** From 1, without holes. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly type: string;
  /** The operation's path. */
  readonly step?: string;
  readonly attempt?: number;
  /** Empty when it was erased. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly payloadHash: string;
  readonly hash: string;
  readonly erased?: boolean;
}

export interface RunRecordPage {
  readonly items: readonly RunRecord[];
  /** Give this as `afterSeq` to read on. */
  readonly nextAfterSeq: number;
  /** The run has ended, and these are its last records. */
  readonly done: boolean;
}

export interface RunFork {
  /** The path of the step at which the new run parts from the old one. */
  readonly step: string;
  /** What that step gets instead … */
  readonly input?: unknown;
  /** … or what changes of it, a merge patch (RFC 7396). */
  readonly patch?: unknown;
}

export interface RunReplay {
  /** Whether the program decided what it had decided. */
  readonly identical: boolean;
  /** How many records were compared. */
  readonly records: number;
  readonly firstDifference?: {
    readonly seq: number;
    readonly step?: string;
    readonly expected: unknown;
    readonly found: unknown;
  };
  /** Of a live replay: how many steps were done again, and those whose results differ, at most 100. */
  readonly live?: {
    readonly steps: number;
    readonly differences: readonly { readonly step: string; readonly expected: unknown; readonly found: unknown }[];
  };
}

export interface RunVerification {
  readonly ok: boolean;
  /** Records that were found right. */
  readonly records?: number;
  /** How many of these have lost their payload to retention. */
  readonly erased?: number;
  /** The first record that is wrong, and why. */
  readonly seq?: number;
  readonly reason?: string;
}

export interface RunImport {
  readonly run: RunInfo;
  readonly records: number;
  /** The file ends before the journal does; what came before is whole. */
  readonly torn?: { readonly afterSeq: number; readonly missing: number };
}
