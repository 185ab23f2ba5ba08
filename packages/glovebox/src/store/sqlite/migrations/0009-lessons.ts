import type { Migration } from "./migration.ts";

/** What CI learns from failures. */
export const lessons: Migration = {
  version: 9,
  sql: `
CREATE TABLE lessons (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  doc TEXT NOT NULL,
  repository TEXT GENERATED ALWAYS AS (doc ->> '$.repository') VIRTUAL,
  last_seen_ms INTEGER GENERATED ALWAYS AS (doc ->> '$.lastSeenAtMs') VIRTUAL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX lessons_by_repository ON lessons (tenant_id, repository, last_seen_ms);
`,
};
