import type { Migration } from "./migration.ts";

/** Repositories, what is sealed for them, webhooks' deliveries, and what was reported to forges. */
export const repositories: Migration = {
  version: 7,
  sql: `
CREATE TABLE repositories (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  forge TEXT GENERATED ALWAYS AS (doc ->> '$.forge') VIRTUAL,
  name TEXT GENERATED ALWAYS AS (lower(doc ->> '$.fullName')) VIRTUAL
) STRICT;
CREATE INDEX repositories_by_tenant ON repositories (tenant_id, id);
CREATE UNIQUE INDEX repositories_by_name ON repositories (name, forge, tenant_id);

-- Sealed before they come here.
CREATE TABLE sealed_values (
  tenant_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  sealed BLOB NOT NULL,
  key_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, scope, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX sealed_values_by_key ON sealed_values (key_id);

-- The body goes when its work is done; the id stays, so that it is not done twice.
CREATE TABLE deliveries (
  repository_id TEXT NOT NULL,
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  event TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  outcome TEXT,
  body BLOB,
  PRIMARY KEY (repository_id, id)
) STRICT;
CREATE INDEX deliveries_by_time ON deliveries (received_ms);
CREATE INDEX deliveries_pending ON deliveries (received_ms) WHERE outcome IS NULL;

CREATE TABLE reports (
  run_id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  state TEXT NOT NULL,
  done INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_unfinished ON reports (run_id) WHERE done = 0;
`,
};
