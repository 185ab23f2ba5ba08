import type { Migration } from "./migration.ts";

/**
 * Removing runs: found by their end, noted in the transaction that takes them away, their records removed a batch at a time afterwards. Payloads in blobs may be shared:
 * those that lost a record are noted, and looked at later.
 */
export const runRetention: Migration = {
  version: 5,
  sql: `
ALTER TABLE runs ADD COLUMN ended_at TEXT GENERATED ALWAYS AS (doc ->> '$.endedAt') VIRTUAL;
CREATE INDEX runs_by_end ON runs (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_records_by_blob ON run_records (payload_hash) WHERE place = 'blob';

CREATE TABLE run_removals (
  run_id TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_removals (
  hash TEXT PRIMARY KEY NOT NULL,
  noted_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_removals_by_time ON blob_removals (noted_ms);
`,
};
