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
INSERT INTO "streams" ("stream", "tenant_id", "kind", "id", "last_seq", "state", "closed", "updated_ms") VALUES (1, 'acme', 'execution', '01a1fc94-70c1-7003-883b-17f0663bbc4f', 2, '{"stdout":2}', 0, 1795238949064);
CREATE TABLE events (
  key INTEGER PRIMARY KEY,
  ts INTEGER NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
INSERT INTO "events" ("key", "ts", "type", "payload") VALUES (4294967297, 1795238949064, 'stdout', '{"text":"é"}');
INSERT INTO "events" ("key", "ts", "type", "payload") VALUES (4294967298, 1795238949064, 'stdout', '{"text":"two\n"}');
PRAGMA user_version = 1;
