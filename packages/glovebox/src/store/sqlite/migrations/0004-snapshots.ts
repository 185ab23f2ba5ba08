import type { Migration } from "./migration.ts";

/** Snapshots of sessions. Which one a session's state comes from is in the session's internals (`snapshotId`). */
export const snapshots: Migration = {
  version: 4,
  sql: `
CREATE TABLE snapshots (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  parent_id TEXT GENERATED ALWAYS AS (doc ->> '$.parentId') VIRTUAL,
  stored_bytes INTEGER GENERATED ALWAYS AS (doc ->> '$.storedBytes') VIRTUAL
) STRICT;
CREATE INDEX snapshots_by_session ON snapshots (session_id, id);
CREATE INDEX snapshots_by_size ON snapshots (tenant_id, stored_bytes);
CREATE INDEX snapshots_by_parent ON snapshots (parent_id) WHERE parent_id IS NOT NULL;
`,
};
