import type { Migration } from "./migration.ts";

/** Runs of workflows, their numbers, and who is in which concurrency group. */
export const ciRuns: Migration = {
  version: 8,
  sql: `
CREATE TABLE ci_runs (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  repository_id TEXT GENERATED ALWAYS AS (doc ->> '$.repositoryId') VIRTUAL,
  repository TEXT GENERATED ALWAYS AS (doc ->> '$.repository') VIRTUAL,
  workflow TEXT GENERATED ALWAYS AS (doc ->> '$.workflow.path') VIRTUAL,
  event TEXT GENERATED ALWAYS AS (doc ->> '$.event.name') VIRTUAL,
  ref TEXT GENERATED ALWAYS AS (doc ->> '$.event.ref') VIRTUAL,
  sha TEXT GENERATED ALWAYS AS (doc ->> '$.event.sha') VIRTUAL,
  status TEXT GENERATED ALWAYS AS (doc ->> '$.status') VIRTUAL,
  conclusion TEXT GENERATED ALWAYS AS (doc ->> '$.conclusion') VIRTUAL,
  archive TEXT GENERATED ALWAYS AS (doc ->> '$.source.id') VIRTUAL,
  secrets TEXT GENERATED ALWAYS AS (doc ->> '$.secretsId') VIRTUAL
) STRICT;
CREATE INDEX ci_runs_by_tenant ON ci_runs (tenant_id, id);
CREATE INDEX ci_runs_by_repository ON ci_runs (tenant_id, repository_id, id);
CREATE INDEX ci_runs_unfinished ON ci_runs (id) WHERE status <> 'completed';
CREATE INDEX ci_runs_by_archive ON ci_runs (archive) WHERE archive IS NOT NULL;
CREATE INDEX ci_runs_by_secrets ON ci_runs (secrets) WHERE secrets IS NOT NULL;
CREATE TABLE ci_numbers (
  tenant_id TEXT NOT NULL,
  repository TEXT NOT NULL,
  workflow TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, repository, workflow)
) STRICT, WITHOUT ROWID;
CREATE TABLE ci_group_members (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  run_id TEXT NOT NULL,
  job_key TEXT NOT NULL,
  state TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name, run_id, job_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ci_group_members_by_run ON ci_group_members (run_id);
`,
};
