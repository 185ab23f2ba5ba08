import type { Migration } from "./migration.ts";

/** Outside agents, and the queue of their tasks. */
export const agents: Migration = {
  version: 10,
  sql: `
CREATE TABLE agents (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  doc TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- Messages and answers may be large, and are apart from what changes often.
CREATE TABLE agent_tasks (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  key TEXT NOT NULL,
  doc TEXT NOT NULL,
  state TEXT GENERATED ALWAYS AS (doc ->> '$.state') VIRTUAL,
  type TEXT GENERATED ALWAYS AS (doc ->> '$.type') VIRTUAL,
  agent TEXT GENERATED ALWAYS AS (doc ->> '$.agent') VIRTUAL,
  due_ms INTEGER GENERATED ALWAYS AS (doc ->> '$.dueMs') VIRTUAL,
  deadline_ms INTEGER GENERATED ALWAYS AS (doc ->> '$.deadlineMs') VIRTUAL,
  lease_id TEXT GENERATED ALWAYS AS (doc ->> '$.lease.id') VIRTUAL,
  lease_until_ms INTEGER GENERATED ALWAYS AS (doc ->> '$.lease.untilMs') VIRTUAL
) STRICT;
CREATE UNIQUE INDEX agent_tasks_by_key ON agent_tasks (tenant_id, key);
CREATE INDEX agent_tasks_by_tenant ON agent_tasks (tenant_id, id);
CREATE INDEX agent_tasks_by_run ON agent_tasks (run_id);
CREATE INDEX agent_tasks_queued ON agent_tasks (tenant_id, agent, id) WHERE state = 'queued';
CREATE INDEX agent_tasks_due ON agent_tasks (due_ms) WHERE state = 'queued';
CREATE INDEX agent_tasks_leased ON agent_tasks (lease_until_ms) WHERE state = 'leased';
CREATE INDEX agent_tasks_open ON agent_tasks (deadline_ms) WHERE state IN ('queued', 'leased');
CREATE INDEX agent_tasks_open_by_tenant ON agent_tasks (tenant_id, agent) WHERE state IN ('queued', 'leased');
CREATE INDEX agent_tasks_final ON agent_tasks (id) WHERE state NOT IN ('queued', 'leased');
CREATE TABLE agent_messages (
  task_id TEXT NOT NULL,
  part TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (task_id, part)
) STRICT;
`,
};
