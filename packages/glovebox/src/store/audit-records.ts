/** The audit log as the store keeps it: rows of a chain per tenant, whose texts and hashes are made by `governance`. */

export interface AuditRow {
  readonly tenantId: string;
  /** Contiguous from 1 within the tenant. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  /** Canonical JSON of the entry with its place in the chain. */
  readonly doc: string;
  /** Of `doc`, hex. */
  readonly hash: string;
}

/** Says where the oldest row that is kept hangs. */
export interface AuditCheckpoint {
  readonly tenantId: string;
  /** Of the newest row that is gone. */
  readonly seq: number;
  /** Canonical JSON. */
  readonly doc: string;
  readonly hash: string;
}

export interface AuditFilter {
  /** Only rows before this one, and after that one. Filters have no index: who has many rows to look through gives both. */
  readonly beforeSeq?: number;
  readonly afterSeq?: number;
  /** 1 to 1,001; default 50. */
  readonly limit?: number;
  readonly principal?: string;
  readonly action?: string;
  readonly decision?: "allow" | "deny";
  readonly resourceKind?: string;
  readonly resourceId?: string;
  readonly requestId?: string;
  /** At or after, and before: milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface AuditStore {
  /** All or none. `conflict` when there is a row of that place already: somebody else writes to the chain. */
  append(rows: readonly AuditRow[]): Promise<void>;
  /** The newest row; `undefined` when there is none. */
  last(tenantId: string): Promise<AuditRow | undefined>;
  /** Newest first. */
  list(tenantId: string, filter?: AuditFilter): Promise<readonly AuditRow[]>;
  /** Oldest first, after `afterSeq`; `limit` 1 to 10,000. */
  read(tenantId: string, range: { readonly afterSeq: number; readonly limit: number }): Promise<readonly AuditRow[]>;
  checkpoint(tenantId: string): Promise<AuditCheckpoint | undefined>;
  /** The newest row of the old end, at most `limit` rows on, all of which are older than `beforeMs`. */
  lastExpired(
    tenantId: string,
    options: { readonly beforeMs: number; readonly limit: number },
  ): Promise<AuditRow | undefined>;
  /** Puts the checkpoint in place and removes the rows up to it, together. */
  prune(checkpoint: AuditCheckpoint): Promise<number>;
  /** Who has rows. */
  tenants(): Promise<readonly string[]>;
}
