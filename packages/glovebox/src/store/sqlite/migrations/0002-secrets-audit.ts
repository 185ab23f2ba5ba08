import type { Migration } from "./migration.ts";

/**
 * Secrets and authorities are sealed before they come here. The audit log is a chain per tenant: no row is ever changed, and rows go only from its old end,
 * once a checkpoint says where the rest hangs. Templates get the fields that they lack.
 */
export const secretsAndAudit: Migration = {
  version: 2,
  sql: `
CREATE TABLE secrets (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  hosts TEXT NOT NULL,
  sealed BLOB NOT NULL,
  key_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX secrets_by_key ON secrets (key_id);

CREATE TABLE authorities (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  sealed BLOB NOT NULL,
  key_id TEXT NOT NULL,
  not_after_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  doc TEXT NOT NULL,
  hash TEXT NOT NULL,
  principal TEXT GENERATED ALWAYS AS (doc ->> '$.principal') VIRTUAL,
  action TEXT GENERATED ALWAYS AS (doc ->> '$.action') VIRTUAL,
  decision TEXT GENERATED ALWAYS AS (doc ->> '$.decision') VIRTUAL,
  resource_kind TEXT GENERATED ALWAYS AS (doc ->> '$.resource.kind') VIRTUAL,
  resource_id TEXT GENERATED ALWAYS AS (doc ->> '$.resource.id') VIRTUAL,
  request_id TEXT GENERATED ALWAYS AS (doc ->> '$.requestId') VIRTUAL,
  PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

-- Of the newest row that was pruned, one for each tenant.
CREATE TABLE audit_checkpoints (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  seq INTEGER NOT NULL,
  doc TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_goes_from_its_old_end BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT seq FROM audit_checkpoints WHERE tenant_id = OLD.tenant_id), 0)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

UPDATE template_versions SET doc = json_set(doc,
  '$.secrets', json('[]'),
  '$.network.exempt', json('[]'),
  '$.network.limits', json('{"connections":64,"bytes":1073741824,"seconds":3600}'));
`,
};
