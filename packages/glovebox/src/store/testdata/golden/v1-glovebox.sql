CREATE TABLE templates (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  isolation TEXT NOT NULL,
  version INTEGER NOT NULL,
  deleted_at TEXT
) STRICT;
INSERT INTO "templates" ("id", "tenant_id", "name", "isolation", "version", "deleted_at") VALUES ('01a1fc94-70c1-7000-8ced-1c5323c70c5b', 'acme', 'golden', 'bubblewrap', 1, NULL);
CREATE TABLE template_versions (
  template_id TEXT NOT NULL REFERENCES templates (id),
  version INTEGER NOT NULL,
  doc TEXT NOT NULL,
  PRIMARY KEY (template_id, version)
) STRICT;
INSERT INTO "template_versions" ("template_id", "version", "doc") VALUES ('01a1fc94-70c1-7000-8ced-1c5323c70c5b', 1, '{"id":"01a1fc94-70c1-7000-8ced-1c5323c70c5b","tenantId":"acme","name":"golden","version":1,"isolation":"bubblewrap","languages":["python","bash"],"packages":{"apt":[],"python":[],"node":[],"cargo":[]},"limits":{"wallMs":30000,"cpuMs":20000,"compileMs":60000,"outputBytes":1048576,"maxEvents":50000,"cpus":1,"memoryMb":512,"pids":256,"openFiles":512,"diskMb":1024},"maxLimits":{"wallMs":30000,"cpuMs":20000,"compileMs":60000,"outputBytes":1048576,"maxEvents":50000,"cpus":1,"memoryMb":512,"pids":256,"openFiles":512,"diskMb":1024},"allowPartial":false,"onOutputLimit":"truncate","network":{"mode":"none","allow":[]},"resolver":{"roots":["."],"extensions":[".js"],"allowAbsoluteRepoImports":false},"runtime":{"esm":true,"strict":false,"console":"events"},"modules":[],"libraries":[],"capabilities":[],"startupFiles":[{"path":"a.py","order":10,"mode":"eval","content":"SEED = ''é\\u0000\"''"}],"env":{"A":"1"},"snapshots":{"auto":"never","rollbackOnFailure":false,"keep":10},"idleTimeoutMs":1000,"maxLifetimeMs":2000,"pool":{"min":0,"max":0,"refillConcurrency":1},"createdAt":"2026-11-20T10:00:00.000Z","updatedAt":"2026-11-20T10:00:00.000Z"}');
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
INSERT INTO "sessions" ("id", "tenant_id", "doc", "internals") VALUES ('01a1fc94-70c1-7001-bc3d-881525bfca3d', 'acme', '{"id":"01a1fc94-70c1-7001-bc3d-881525bfca3d","tenantId":"acme","templateId":"01a1fc94-70c1-7000-8ced-1c5323c70c5b","templateVersion":1,"isolation":"bubblewrap","status":"ready","workspace":{"kind":"empty"},"limitsApplied":[{"limit":"pids","requested":256,"applied":256,"mechanism":"cgroup-v1"}],"languages":["python"],"env":{},"nodeId":"node","createdAt":"2026-11-20T10:00:00.000Z","lastActivityAt":"2026-11-20T10:00:00.000Z","idleTimeoutMs":1000,"metadata":{"purpose":"golden"},"key":"golden"}', '{"workspaceDir":"/somewhere","sandboxRecord":{"pid":1,"deep":{"a":[1,"é"]}}}');
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
INSERT INTO "executions" ("id", "tenant_id", "session_id", "doc", "request_hash") VALUES ('01a1fc94-70c1-7003-883b-17f0663bbc4f', 'acme', '01a1fc94-70c1-7001-bc3d-881525bfca3d', '{"id":"01a1fc94-70c1-7003-883b-17f0663bbc4f","tenantId":"acme","sessionId":"01a1fc94-70c1-7001-bc3d-881525bfca3d","kind":"repl","language":"python","input":"print(1)","env":{},"cwd":"/workspace","background":false,"status":"ok","metrics":{"queuedMs":0,"durationMs":0,"cpuMs":0,"maxRssKb":0,"events":0,"outputBytes":0,"truncated":{"stdout":false,"stderr":false}},"createdAt":"2026-11-20T10:00:00.000Z","exitCode":0,"idempotencyKey":"golden"}', 'hash');
CREATE TABLE tokens (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  doc TEXT NOT NULL
) STRICT;
INSERT INTO "tokens" ("id", "tenant_id", "secret_hash", "doc") VALUES ('01a1fc94-70c1-7004-8892-01857a3e10e2', 'acme', 'golden-hash', '{"id":"01a1fc94-70c1-7004-8892-01857a3e10e2","tenantId":"acme","name":"laptop","roles":["developer"],"prefix":"gb_12","root":false,"createdAt":"2026-11-20T10:00:00.000Z"}');
CREATE TABLE idempotency (
  tenant_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  entity_id TEXT,
  claimed_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operation, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency" ("tenant_id", "operation", "key", "request_hash", "entity_id", "claimed_ms") VALUES ('acme', 'create', 'golden', 'h', '01a1fc94-70c1-7001-bc3d-881525bfca3d', 1795238949062);
CREATE TABLE settings (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT;
INSERT INTO "settings" ("key", "value") VALUES ('golden', '{"any":["json",1,null]}');
CREATE TABLE stream_removals (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX templates_by_name ON templates (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX templates_by_tenant ON templates (tenant_id, id);
CREATE INDEX sessions_by_tenant ON sessions (tenant_id, id);
CREATE INDEX sessions_by_status ON sessions (tenant_id, status, id);
CREATE INDEX sessions_by_template ON sessions (tenant_id, template_id, id);
CREATE UNIQUE INDEX sessions_by_open_key ON sessions (tenant_id, key)
  WHERE key IS NOT NULL AND status IN ('starting', 'ready', 'paused');
CREATE INDEX sessions_live ON sessions (id) WHERE status IN ('starting', 'ready', 'paused', 'closing');
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE status IN ('crashed', 'closed', 'lost');
CREATE INDEX executions_by_tenant ON executions (tenant_id, id);
CREATE INDEX executions_by_session ON executions (session_id, id);
CREATE INDEX executions_by_status ON executions (tenant_id, status, id);
CREATE UNIQUE INDEX executions_by_idempotency_key ON executions (session_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (session_id, id) WHERE status IN ('queued', 'running');
CREATE INDEX executions_ended ON executions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX tokens_by_tenant ON tokens (tenant_id, id);
CREATE INDEX idempotency_by_age ON idempotency (claimed_ms);
PRAGMA user_version = 1;
