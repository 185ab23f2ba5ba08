import type { ErrorBody } from "./errors.ts";

export type RunStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** What a waiting run waits for. */
export type RunWait = "signal" | "approval" | "timer" | "child";

/** What a run or a tenant may use. Absent: no limit. */
export interface Budget {
  /** Milliseconds from the run's start, waiting and downtime included. */
  readonly wallMs?: number;
  /** In and out together. */
  readonly tokens?: number;
  /** US dollars. */
  readonly dollars?: number;
  readonly toolCalls?: number;
  readonly sandboxSeconds?: number;
}

/** What was used, of all but the wall clock. */
export type Usage = Readonly<Record<Exclude<keyof Budget, "wallMs">, number>>;

/** A durable run as clients see it: a projection of its journal. Times are RFC 3339. */
export interface Run {
  readonly id: string;
  readonly tenantId: string;
  readonly program: string;
  readonly version: string;
  readonly status: RunStatus;
  /** While `waiting`, sorted. */
  readonly waitingFor?: readonly RunWait[];
  /** Higher goes first among what is due; default 0. */
  readonly priority: number;
  readonly createdAt: string;
  readonly endedAt?: string;
  /** Of a failed run, and the reason of a cancelled one. */
  readonly error?: ErrorBody;
  readonly parentId?: string;
  /** The run that this one was forked from, and the step at which they part. */
  readonly forkedFrom?: { readonly runId: string; readonly step: string };
  readonly idempotencyKey?: string;
  /** Of the input, SHA-256 of its canonical JSON, hex. */
  readonly inputHash: string;
  /** Milliseconds since the epoch. */
  readonly deadlineMs?: number;
  readonly budget?: Budget;
  readonly usage: Usage;
  /** How often it was taken up again. */
  readonly resumes: number;
  /** How often it was taken back to before a step; absent: never. */
  readonly rollbacks?: number;
  /** Set while it is taken back to before a step; a crash in the midst of it is made good by the next engine. */
  readonly rollingBack?: { readonly step: string; readonly reason?: string };
  /** Came in by import: it can be looked at and replayed, never resumed. */
  readonly imported?: boolean;
}
