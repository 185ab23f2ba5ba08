import type { ErrorBody, Usage } from "../../core/index.ts";
import type { JsonValue } from "../json-value.ts";

/** What an operation of a program is. `now` to `wait_any` are answered at once and have one record, `step.completed`. */
export type OpKind =
  | "step"
  | "compensation"
  | "sleep"
  | "wait"
  | "child"
  | "now"
  | "random"
  | "uuid"
  | "budget"
  | "note"
  | "wait_any";

interface Started {
  readonly kind: OpKind;
  readonly inputHash: string;
  readonly input?: JsonValue;
  /** Absolute, milliseconds since the epoch: when a sleep ends, or until when a step may try. */
  readonly dueMs?: number;
  /** The run that a `child` starts. */
  readonly childId?: string;
  readonly idempotencyKey?: string;
}

export interface JournaledError extends ErrorBody {
  readonly retryable?: boolean;
}

/** Facts that others write during a step; the engine keeps them and decides nothing by them. */
export type FactType =
  | "task.accepted"
  | "task.started"
  | "task.completed"
  | "task.failed"
  | "task.cancelled"
  | "result.applied"
  | "llm.called"
  | "llm.answered"
  | "tool.called"
  | "tool.answered"
  | "policy.denied"
  | "snapshot.taken";

type Facts = { readonly [T in FactType]: { readonly [key: string]: JsonValue | undefined } };

/** The payload of each type of record. */
export interface Payloads extends Facts {
  readonly "run.started": {
    /** The version of this format. */
    readonly journal: number;
    readonly program: string;
    readonly version: string;
    readonly input?: JsonValue;
    readonly inputHash: string;
    /** A fork: inputs that its program's steps get instead of their own, by path. */
    readonly overrides?: { readonly [path: string]: JsonValue };
    readonly forkedFrom?: { readonly runId: string; readonly step: string };
    /** A fork: how many records behind this one are its original's. */
    readonly copied?: number;
  };
  /** `from`: the version that wrote what is before, when the program declares that it can go on from there. */
  readonly "run.resumed": { readonly version: string; readonly from?: string };
  readonly "run.completed": { readonly output?: JsonValue; readonly outputHash: string };
  readonly "run.failed": { readonly error: ErrorBody };
  readonly "run.cancelled": { readonly error: ErrorBody };
  readonly "step.started": Started;
  readonly "step.completed": {
    readonly kind: OpKind;
    readonly inputHash: string;
    readonly result?: JsonValue;
    /** A wait that ended without its signal. */
    readonly timedOut?: boolean;
  };
  readonly "step.failed": {
    readonly kind: OpKind;
    readonly inputHash: string;
    readonly error: JournaledError;
  };
  /** An attempt failed; the next begins at `dueMs`. `delayMs` includes the jitter. */
  readonly "step.retried": { readonly error: JournaledError; readonly delayMs: number; readonly dueMs: number };
  readonly "signal.waiting": Started & { readonly signal: string; readonly approval?: boolean };
  /** Names that begin with `$` are the engine's: `$cancel`, `$deadline`. */
  readonly "signal.received": { readonly signal: string; readonly payload?: JsonValue };
  /**
   * What is behind `toSeq` and before this record is void: the run went on from before `step`. `snapshots`: the `seq` of each `snapshot.taken` that holds there. `restored`:
   * what came of putting back what they are of.
   */
  readonly rollback: {
    readonly toSeq: number;
    readonly step: string;
    readonly reason?: string;
    readonly snapshots: readonly number[];
    readonly restored?: { readonly [what: string]: JsonValue };
  };
  readonly "budget.updated": { readonly used: Partial<Usage> };
  readonly "budget.exceeded": {
    readonly of: "run" | "tenant";
    readonly what: string;
    readonly limit: number;
    readonly used: number;
  };
}

export type RecordType = keyof Payloads;

const FACTS: { readonly [T in FactType]: true } = {
  "task.accepted": true,
  "task.started": true,
  "task.completed": true,
  "task.failed": true,
  "task.cancelled": true,
  "result.applied": true,
  "llm.called": true,
  "llm.answered": true,
  "tool.called": true,
  "tool.answered": true,
  "policy.denied": true,
  "snapshot.taken": true,
};

const TYPES: { readonly [T in RecordType]: true } = {
  ...FACTS,
  "run.started": true,
  "run.resumed": true,
  "run.completed": true,
  "run.failed": true,
  "run.cancelled": true,
  "step.started": true,
  "step.completed": true,
  "step.failed": true,
  "step.retried": true,
  "signal.waiting": true,
  "signal.received": true,
  "budget.updated": true,
  "budget.exceeded": true,
  rollback: true,
};

export function isFactType(type: string): type is FactType {
  return Object.hasOwn(FACTS, type);
}

export function isRecordType(type: string): type is RecordType {
  return Object.hasOwn(TYPES, type);
}

interface RecordOf<T extends RecordType> {
  readonly runId: string;
  /** Contiguous from 1: the order of commitment. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly type: T;
  /** The operation's path. */
  readonly step?: string;
  readonly attempt?: number;
  /** Empty when {@link erased}. */
  readonly payload: Payloads[T];
  readonly payloadHash: string;
  readonly hash: string;
  /** Retention took the payload. */
  readonly erased?: true;
}

export type JournalRecord = { readonly [T in RecordType]: RecordOf<T> }[RecordType];
export type RecordWith<T extends RecordType> = RecordOf<T>;

/** A record before it has its place in the chain. */
export type Draft = {
  readonly [T in RecordType]: {
    readonly type: T;
    readonly step?: string;
    readonly attempt?: number;
    readonly payload: Payloads[T];
  };
}[RecordType];

/** The version of the format that this engine writes. */
export const JOURNAL_VERSION = 1;
