import type { Migration } from "./migration.ts";

/**
 * An event's key is `stream << 32 | seq`: one b-tree in the order of reading, and no second index to keep. `ts` is in milliseconds.
 */
export const eventFileInitial: Migration = {
  version: 1,
  sql: `
CREATE TABLE streams (
  stream INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  last_seq INTEGER NOT NULL DEFAULT 0,
  state TEXT,
  closed INTEGER NOT NULL DEFAULT 0,
  updated_ms INTEGER NOT NULL,
  UNIQUE (id, kind, tenant_id)
) STRICT;

CREATE TABLE events (
  key INTEGER PRIMARY KEY,
  ts INTEGER NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
`,
};
