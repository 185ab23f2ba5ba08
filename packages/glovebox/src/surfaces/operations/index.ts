import { agentOperations, taskOperations } from "./agents.ts";
import { auditOperations } from "./audit.ts";
import { catalogOperations } from "./catalog.ts";
import { approvalOperations, assistantOperations, chatOperations, conversationOperations } from "./chat.ts";
import { ciInsightOperations } from "./ci-insights.ts";
import { ciRunOperations } from "./ci-runs.ts";
import { contextOperations } from "./context.ts";
import { egressOperations } from "./egress.ts";
import { executionOperations } from "./executions.ts";
import { extractOperations } from "./extract.ts";
import { fileOperations } from "./files.ts";
import { flowOperations } from "./flows.ts";
import { imageOperations } from "./images.ts";
import { maintenanceOperations } from "./maintenance.ts";
import { metricsOperations } from "./metrics.ts";
import { openAiOperations } from "./openai.ts";
import { poolOperations } from "./pools.ts";
import { repositoryOperations } from "./repositories.ts";
import { runOperations } from "./runs.ts";
import { secretOperations } from "./secrets.ts";
import { sessionOperations } from "./sessions.ts";
import { snapshotOperations } from "./snapshots.ts";
import { systemOperations } from "./system.ts";
import { templateOperations, templatePartOperations } from "./templates.ts";
import { tokenOperations } from "./tokens.ts";
import { webhookOperations } from "./webhooks.ts";

export type { AnswerKind, HttpMethod, LeftOut, Operation } from "./operation.ts";
export type { ConfigReport, DoctorReport } from "./system.ts";

/** The one table of operations, by id. The id is also the policy action's name. */
export const OPERATIONS = {
  ...systemOperations,
  ...templateOperations,
  ...templatePartOperations,
  ...catalogOperations,
  ...sessionOperations,
  ...snapshotOperations,
  ...poolOperations,
  ...contextOperations,
  ...fileOperations,
  ...executionOperations,
  ...runOperations,
  ...agentOperations,
  ...taskOperations,
  ...flowOperations,
  ...ciRunOperations,
  ...ciInsightOperations,
  ...repositoryOperations,
  ...webhookOperations,
  ...chatOperations,
  ...openAiOperations,
  ...assistantOperations,
  ...conversationOperations,
  ...approvalOperations,
  ...extractOperations,
  ...tokenOperations,
  ...secretOperations,
  ...egressOperations,
  ...auditOperations,
  ...imageOperations,
  ...maintenanceOperations,
  ...metricsOperations,
} as const;

export type OperationTable = typeof OPERATIONS;
export type OperationId = keyof OperationTable;
