import type { Migration } from "../../store/index.ts";

/**
 * The context store's own database. Every write makes a revision, and everything says from which revision to which it is current, so that any past state can be searched. `words` has no
 * text of its own: what it found is read from `content`.
 */
export const CONTEXT_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE revision (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE document (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  path TEXT,
  current INTEGER NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0,
  expires_ms INTEGER,
  changed_revision INTEGER NOT NULL
) STRICT;
CREATE INDEX document_scope ON document (tenant, scope, path);
CREATE INDEX document_changed ON document (changed_revision);
CREATE TABLE version (
  document INTEGER NOT NULL REFERENCES document (row),
  version INTEGER NOT NULL,
  parent INTEGER,
  content_hash TEXT NOT NULL,
  metadata TEXT NOT NULL,
  origin TEXT NOT NULL,
  created_at TEXT NOT NULL,
  removed INTEGER NOT NULL,
  from_revision INTEGER NOT NULL,
  to_revision INTEGER,
  PRIMARY KEY (document, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE content (hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE TABLE chunk (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL REFERENCES document (row),
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  text_hash TEXT NOT NULL,
  from_revision INTEGER NOT NULL,
  to_revision INTEGER
) STRICT;
CREATE INDEX chunk_document ON chunk (document);
CREATE INDEX chunk_ended ON chunk (to_revision) WHERE to_revision IS NOT NULL;
CREATE VIRTUAL TABLE words USING fts5(tokens, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0 tokenchars '_$'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
CREATE TABLE space (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  embedder TEXT NOT NULL,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  UNIQUE (embedder, model, dimensions)
) STRICT;
CREATE TABLE vector (
  slot INTEGER PRIMARY KEY AUTOINCREMENT,
  space INTEGER NOT NULL REFERENCES space (id),
  chunk INTEGER NOT NULL,
  text_hash TEXT NOT NULL,
  entries BLOB NOT NULL
) STRICT;
CREATE INDEX vector_chunk ON vector (chunk);
CREATE INDEX vector_text ON vector (space, text_hash);
CREATE TABLE sketch (slot INTEGER PRIMARY KEY, space INTEGER NOT NULL, chunk INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
CREATE TABLE snapshot (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pin (
  tenant TEXT NOT NULL,
  run TEXT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (tenant, run)
) STRICT, WITHOUT ROWID;
`,
  },
];
