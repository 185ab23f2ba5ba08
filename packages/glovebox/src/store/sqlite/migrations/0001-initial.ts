import type { Migration } from "./migration.ts";

/**
 * Entities are JSON documents with virtual columns over what is filtered by (docs/decisions/0003). `doc` is the only truth;
 * what clients never see (internals, hashes) has columns beside it.
 */
export const initial: Migration = {
  version: 1,
  sql: `
CREATE TABLE templates (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  isolation TEXT NOT NULL,
  version INTEGER NOT NULL,
  deleted_at TEXT
) STRICT;
CREATE UNIQUE INDEX templates_by_name ON templates (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX templates_by_tenant ON templates (tenant_id, id);

CREATE TABLE template_versions (
  template_id TEXT NOT NULL REFERENCES templates (id),
  version INTEGER NOT NULL,
  doc TEXT NOT NULL,
  PRIMARY KEY (template_id, version)
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  internals TEXT NOT NULL,
  status TEXT GENERATED ALWAYS AS (doc ->> '$.status') VIRTUAL,
  key TEXT GENERATED ALWAYS AS (doc ->> '$.key') VIRTUAL,
  template_id TEXT GENERATED ALWAYS AS (doc ->> '$.templateId') VIRTUAL,
  ended_at TEXT GENERATED ALWAYS AS (coalesce(doc ->> '$.closedAt', doc ->> '$.lastActivityAt')) VIRTUAL
) STRICT;
CREATE INDEX sessions_by_tenant ON sessions (tenant_id, id);
CREATE INDEX sessions_by_status ON sessions (tenant_id, status, id);
CREATE INDEX sessions_by_template ON sessions (tenant_id, template_id, id);
CREATE UNIQUE INDEX sessions_by_open_key ON sessions (tenant_id, key)
  WHERE key IS NOT NULL AND status IN ('starting', 'ready', 'paused');
CREATE INDEX sessions_live ON sessions (id) WHERE status IN ('starting', 'ready', 'paused', 'closing');
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE status IN ('crashed', 'closed', 'lost');

CREATE TABLE executions (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  request_hash TEXT,
  status TEXT GENERATED ALWAYS AS (doc ->> '$.status') VIRTUAL,
  kind TEXT GENERATED ALWAYS AS (doc ->> '$.kind') VIRTUAL,
  language TEXT GENERATED ALWAYS AS (doc ->> '$.language') VIRTUAL,
  idempotency_key TEXT GENERATED ALWAYS AS (doc ->> '$.idempotencyKey') VIRTUAL,
  created_at TEXT GENERATED ALWAYS AS (doc ->> '$.createdAt') VIRTUAL,
  ended_at TEXT GENERATED ALWAYS AS (doc ->> '$.endedAt') VIRTUAL
) STRICT;
CREATE INDEX executions_by_tenant ON executions (tenant_id, id);
CREATE INDEX executions_by_session ON executions (session_id, id);
CREATE INDEX executions_by_status ON executions (tenant_id, status, id);
CREATE UNIQUE INDEX executions_by_idempotency_key ON executions (session_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (session_id, id) WHERE status IN ('queued', 'running');
CREATE INDEX executions_ended ON executions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  doc TEXT NOT NULL
) STRICT;
CREATE INDEX tokens_by_tenant ON tokens (tenant_id, id);

CREATE TABLE idempotency (
  tenant_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  entity_id TEXT,
  claimed_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (claimed_ms);

CREATE TABLE settings (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT;

-- Streams whose entity is gone; their events are removed from the event files afterwards, also after a crash.
CREATE TABLE stream_removals (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
) STRICT, WITHOUT ROWID;
`,
};
