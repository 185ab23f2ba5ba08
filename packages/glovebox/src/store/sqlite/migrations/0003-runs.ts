import type { Migration } from "./migration.ts";

/**
 * Runs and their journals. A run's head (`head_seq`, `head_hash`) changes in the transaction that adds its records; a record never changes, only its payload
 * may be erased.
 */
export const runs: Migration = {
  version: 3,
  sql: `
CREATE TABLE runs (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  head_seq INTEGER NOT NULL,
  head_hash TEXT NOT NULL,
  status TEXT GENERATED ALWAYS AS (doc ->> '$.status') VIRTUAL,
  program TEXT GENERATED ALWAYS AS (doc ->> '$.program') VIRTUAL,
  parent_id TEXT GENERATED ALWAYS AS (doc ->> '$.parentId') VIRTUAL,
  idempotency_key TEXT GENERATED ALWAYS AS (doc ->> '$.idempotencyKey') VIRTUAL
) STRICT;
CREATE INDEX runs_by_tenant ON runs (tenant_id, id);
CREATE INDEX runs_by_status ON runs (tenant_id, status, id);
CREATE INDEX runs_by_parent ON runs (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_unfinished ON runs (id) WHERE status IN ('queued', 'running', 'waiting');
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE run_records (
  run_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  type TEXT NOT NULL,
  step TEXT,
  attempt INTEGER,
  place TEXT NOT NULL,
  payload TEXT,
  payload_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
`,
};
