import type { Migration } from "./migration.ts";

/** Conversations with assistants, turn by turn, and questions to people. */
export const conversations: Migration = {
  version: 6,
  sql: `
CREATE TABLE conversations (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  assistant TEXT GENERATED ALWAYS AS (doc ->> '$.assistant') VIRTUAL,
  current_run_id TEXT GENERATED ALWAYS AS (doc ->> '$.currentRunId') VIRTUAL
) STRICT;
CREATE INDEX conversations_by_tenant ON conversations (tenant_id, id);
CREATE TABLE conversation_turns (
  conversation_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  messages TEXT NOT NULL,
  PRIMARY KEY (conversation_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE approvals (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  status TEXT GENERATED ALWAYS AS (doc ->> '$.status') VIRTUAL,
  conversation_id TEXT GENERATED ALWAYS AS (doc ->> '$.conversationId') VIRTUAL
) STRICT;
CREATE INDEX approvals_by_tenant ON approvals (tenant_id, id);
CREATE INDEX approvals_pending ON approvals (tenant_id, id) WHERE status = 'pending';
CREATE INDEX approvals_by_conversation ON approvals (conversation_id);
`,
};
