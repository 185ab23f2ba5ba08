import type { ColumnType, Selectable } from "kysely";

/** Computed by the database from `doc`; never written. */
type Virtual<T> = ColumnType<T, never, never>;

interface TemplatesTable {
  id: string;
  tenant_id: string;
  name: string;
  isolation: string;
  version: number;
  deleted_at: string | null;
}

interface TemplateVersionsTable {
  template_id: string;
  version: number;
  doc: string;
}

interface SessionsTable {
  id: string;
  tenant_id: string;
  doc: string;
  internals: string;
  status: Virtual<string>;
  key: Virtual<string | null>;
  template_id: Virtual<string>;
  ended_at: Virtual<string>;
}

interface ExecutionsTable {
  id: string;
  tenant_id: string;
  session_id: string;
  doc: string;
  request_hash: string | null;
  status: Virtual<string>;
  kind: Virtual<string>;
  language: Virtual<string | null>;
  idempotency_key: Virtual<string | null>;
  created_at: Virtual<string>;
  ended_at: Virtual<string | null>;
}

interface TokensTable {
  id: string;
  tenant_id: string;
  secret_hash: string;
  doc: string;
}

interface IdempotencyTable {
  tenant_id: string;
  operation: string;
  key: string;
  request_hash: string;
  entity_id: string | null;
  claimed_ms: number;
}

interface SettingsTable {
  key: string;
  value: string;
}

interface StreamRemovalsTable {
  tenant_id: string;
  kind: string;
  id: string;
}

interface SecretsTable {
  tenant_id: string;
  name: string;
  hosts: string;
  sealed: Uint8Array;
  key_id: string;
  version: number;
  created_at: string;
  updated_at: string;
}

interface AuthoritiesTable {
  tenant_id: string;
  sealed: Uint8Array;
  key_id: string;
  not_after_ms: number;
}

interface AuditTable {
  tenant_id: string;
  seq: number;
  ts: number;
  doc: string;
  hash: string;
  principal: Virtual<string>;
  action: Virtual<string>;
  decision: Virtual<string>;
  resource_kind: Virtual<string>;
  resource_id: Virtual<string | null>;
  request_id: Virtual<string | null>;
}

interface AuditCheckpointsTable {
  tenant_id: string;
  seq: number;
  doc: string;
  hash: string;
}

interface RunsTable {
  id: string;
  tenant_id: string;
  doc: string;
  head_seq: number;
  head_hash: string;
  status: Virtual<string>;
  program: Virtual<string>;
  parent_id: Virtual<string | null>;
  idempotency_key: Virtual<string | null>;
  ended_at: Virtual<string | null>;
}

interface RunRecordsTable {
  run_id: string;
  seq: number;
  ts: number;
  type: string;
  step: string | null;
  attempt: number | null;
  place: string;
  payload: string | null;
  payload_hash: string;
  hash: string;
}

interface SnapshotsTable {
  id: string;
  tenant_id: string;
  session_id: string;
  doc: string;
  parent_id: Virtual<string | null>;
  stored_bytes: Virtual<number>;
}

interface ConversationsTable {
  id: string;
  tenant_id: string;
  doc: string;
  assistant: Virtual<string>;
  current_run_id: Virtual<string | null>;
}

interface ConversationTurnsTable {
  conversation_id: string;
  run_id: string;
  seq: number;
  messages: string;
}

interface ApprovalsTable {
  id: string;
  tenant_id: string;
  doc: string;
  status: Virtual<string>;
  conversation_id: Virtual<string>;
}

interface CiRunsTable {
  id: string;
  tenant_id: string;
  doc: string;
  repository_id: Virtual<string | null>;
  repository: Virtual<string>;
  workflow: Virtual<string>;
  event: Virtual<string>;
  ref: Virtual<string>;
  sha: Virtual<string>;
  status: Virtual<string>;
  conclusion: Virtual<string | null>;
  archive: Virtual<string | null>;
  secrets: Virtual<string | null>;
}

interface CiGroupMembersTable {
  tenant_id: string;
  name: string;
  run_id: string;
  job_key: string;
  state: "running" | "pending";
  seq: number;
}

interface RepositoriesTable {
  id: string;
  tenant_id: string;
  doc: string;
  forge: Virtual<string>;
  name: Virtual<string>;
}

interface SealedValuesTable {
  tenant_id: string;
  scope: string;
  name: string;
  sealed: Uint8Array;
  key_id: string;
  version: number;
  created_at: string;
  updated_at: string;
}

interface DeliveriesTable {
  repository_id: string;
  id: string;
  tenant_id: string;
  event: string;
  received_ms: number;
  outcome: string | null;
  body: Uint8Array | null;
}

interface ReportsTable {
  run_id: string;
  tenant_id: string;
  state: string;
  done: number;
}

interface LessonsTable {
  tenant_id: string;
  id: string;
  doc: string;
  repository: Virtual<string>;
  last_seen_ms: Virtual<number>;
}

interface AgentsTable {
  tenant_id: string;
  name: string;
  doc: string;
}

interface AgentTasksTable {
  id: string;
  tenant_id: string;
  run_id: string;
  key: string;
  doc: string;
  state: Virtual<string>;
  type: Virtual<string>;
  agent: Virtual<string | null>;
  due_ms: Virtual<number>;
  deadline_ms: Virtual<number>;
  lease_id: Virtual<string | null>;
  lease_until_ms: Virtual<number | null>;
}

interface AgentMessagesTable {
  task_id: string;
  part: string;
  json: string;
}

/** The main database, as the migrations leave it. */
export interface Tables {
  templates: TemplatesTable;
  template_versions: TemplateVersionsTable;
  sessions: SessionsTable;
  executions: ExecutionsTable;
  tokens: TokensTable;
  idempotency: IdempotencyTable;
  settings: SettingsTable;
  stream_removals: StreamRemovalsTable;
  secrets: SecretsTable;
  authorities: AuthoritiesTable;
  audit: AuditTable;
  audit_checkpoints: AuditCheckpointsTable;
  runs: RunsTable;
  run_records: RunRecordsTable;
  snapshots: SnapshotsTable;
  conversations: ConversationsTable;
  conversation_turns: ConversationTurnsTable;
  approvals: ApprovalsTable;
  repositories: RepositoriesTable;
  sealed_values: SealedValuesTable;
  deliveries: DeliveriesTable;
  reports: ReportsTable;
  ci_runs: CiRunsTable;
  ci_group_members: CiGroupMembersTable;
  lessons: LessonsTable;
  agents: AgentsTable;
  agent_tasks: AgentTasksTable;
  agent_messages: AgentMessagesTable;
}

export type SealedValueRow = Selectable<SealedValuesTable>;
export type SecretRow = Selectable<SecretsTable>;
export type StreamRemoval = Selectable<StreamRemovalsTable>;
