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
  {
    // Which run wrote a version, and which version it brought back when a rollback wrote it (0: that there was none): so that a run can be taken back without touching what others wrote.
    version: 2,
    sql: `
ALTER TABLE version ADD COLUMN run TEXT;
ALTER TABLE version ADD COLUMN restores INTEGER;
CREATE INDEX version_run ON version (run, from_revision) WHERE run IS NOT NULL;
`,
  },
  {
    // For searching: how long chunks are, where words stand, and sketches in blocks, as they are in memory; vectors that were computed here are not looked for by their text. For counting: a tally.
    version: 3,
    sql: `
CREATE VIRTUAL TABLE occurrence USING fts5vocab(words, 'instance');
ALTER TABLE chunk ADD COLUMN words INTEGER NOT NULL DEFAULT 0;
UPDATE chunk SET words = o.words FROM (SELECT doc, count(*) AS words FROM occurrence GROUP BY doc) o WHERE o.doc = chunk.row;
CREATE TABLE sketches (
  first_slot INTEGER PRIMARY KEY,
  space INTEGER NOT NULL,
  slots TEXT NOT NULL,
  chunks TEXT NOT NULL,
  block BLOB NOT NULL
) STRICT;
INSERT INTO sketches SELECT slot, space, json_array(slot), json_array(chunk), record FROM sketch ORDER BY slot;
DROP TABLE sketch;
DROP INDEX vector_text;
CREATE INDEX vector_text ON vector (space, text_hash) WHERE text_hash <> '';
CREATE TABLE tally (
  tenant TEXT PRIMARY KEY,
  documents INTEGER NOT NULL DEFAULT 0,
  versions INTEGER NOT NULL DEFAULT 0,
  chunks INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO tally SELECT tenant, sum(removed = 0), sum((SELECT count(*) FROM version v WHERE v.document = d.row)),
  sum((SELECT count(*) FROM chunk c WHERE c.document = d.row AND c.to_revision IS NULL)) FROM document d GROUP BY tenant;
CREATE TRIGGER document_begins AFTER INSERT ON document BEGIN
  INSERT INTO tally (tenant, documents) VALUES (new.tenant, 1) ON CONFLICT (tenant) DO UPDATE SET documents = documents + 1;
END;
CREATE TRIGGER document_ends AFTER UPDATE OF removed ON document WHEN new.removed <> old.removed BEGIN
  UPDATE tally SET documents = documents + old.removed - new.removed WHERE tenant = new.tenant;
END;
CREATE TRIGGER version_begins AFTER INSERT ON version BEGIN
  UPDATE tally SET versions = versions + 1 WHERE tenant = (SELECT tenant FROM document WHERE row = new.document);
END;
CREATE TRIGGER version_forgotten AFTER DELETE ON version BEGIN
  UPDATE tally SET versions = versions - 1 WHERE tenant = (SELECT tenant FROM document WHERE row = old.document);
END;
CREATE TRIGGER chunk_begins AFTER INSERT ON chunk BEGIN
  UPDATE tally SET chunks = chunks + 1 WHERE tenant = (SELECT tenant FROM document WHERE row = new.document);
END;
CREATE TRIGGER chunk_ends AFTER UPDATE OF to_revision ON chunk WHEN old.to_revision IS NULL AND new.to_revision IS NOT NULL BEGIN
  UPDATE tally SET chunks = chunks - 1 WHERE tenant = (SELECT tenant FROM document WHERE row = new.document);
END;
`,
  },
  {
    // A sketch without its bits: steps first, then bytes. Blocks had a head of three numbers of four bytes for each (the second is the step) and a bit for each entry, then the bytes.
    version: 4,
    sql: `
UPDATE sketches SET block = unhex(
  (SELECT group_concat(hex(substr(sketches.block, 5 + one.key * (12 + s.padded / 8), 4)), '' ORDER BY one.key)
    FROM json_each(sketches.slots) one) || hex(substr(sketches.block, 1 + json_array_length(sketches.slots) * (12 + s.padded / 8))))
FROM (SELECT id, (dimensions + 63) / 64 * 64 AS padded FROM space) s WHERE s.id = sketches.space;
`,
  },
];
