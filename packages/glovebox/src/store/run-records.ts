/** Durable runs and their journals as the store keeps them; what records mean and how they are chained is the engine's. */
import type { Run, RunStatus, Usage } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

/** The end of a journal. `seq` 0 and `hash` "" before the first record. */
export interface JournalHead {
  readonly seq: number;
  readonly hash: string;
}

export interface JournalRow {
  /** Contiguous from 1 within the run. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly type: string;
  readonly step: string | null;
  readonly attempt: number | null;
  /** `inline`: in `payload`. `blob`: in the blob store under `payloadHash`. `erased`: gone; the chain still verifies. */
  readonly place: string;
  /** Canonical JSON. */
  readonly payload: string | null;
  /** SHA-256 of the payload's canonical JSON, hex. */
  readonly payloadHash: string;
  readonly hash: string;
}

export interface StoredRun {
  readonly run: Run;
  readonly head: JournalHead;
}

export interface RunFilter extends PageRequest {
  readonly status?: readonly RunStatus[];
  readonly program?: string;
  readonly parentId?: string;
  /** Only those that failed although they were tried again (`failures` in the error's details), that ended the process too often (`deaths`), or that a full queue dropped. */
  readonly dead?: true;
}

export type RunPatch = { readonly [K in keyof Omit<Run, "id" | "tenantId" | "createdAt">]?: Run[K] | undefined };

export interface RunStore {
  /** The run with its first records, together. `already_exists` when its id or its idempotency key is taken. */
  create(run: Run, rows: readonly JournalRow[]): Promise<void>;
  get(tenantId: string, id: string): Promise<StoredRun | undefined>;
  byIdempotencyKey(tenantId: string, key: string): Promise<StoredRun | undefined>;
  list(tenantId: string, filter?: RunFilter): Promise<Page<Run>>;
  /** Every tenant's runs that have not ended, in the order of their starts, after that id. `limit` 1 to 1,000. */
  unfinished(afterId: string, limit: number): Promise<readonly StoredRun[]>;
  /**
   * Adds records behind `expected`, moves the head and changes the run, all or nothing. `conflict` when the journal does not end at `expected`: somebody else
   * wrote to it. `undefined` values in the patch remove the field.
   */
  append(runId: string, expected: JournalHead, rows: readonly JournalRow[], patch?: RunPatch): Promise<void>;
  /** Records in order, after `afterSeq`, of one `type` or of all. `limit` 1 to 10,000. */
  read(
    runId: string,
    range: { readonly afterSeq: number; readonly limit: number; readonly type?: string },
  ): Promise<readonly JournalRow[]>;
  /** Takes a payload out and leaves its hash. `false` when there is no such record or it was erased before. */
  erase(runId: string, seq: number): Promise<boolean>;
  /** The run and its journal. Payloads in blobs go an hour later, if no record has them then. */
  delete(tenantId: string, id: string): Promise<boolean>;
  /** What all runs of the tenant used together. */
  usage(tenantId: string): Promise<Usage>;
}
