import type { OPERATIONS } from "../../operations/index.ts";
import type { HandlerTable } from "../call.ts";
import type { HandlerContext } from "../options.ts";
import { agentHandlers, taskHandlers } from "./agents.ts";
import { assistantHandlers } from "./assistants.ts";
import { auditHandlers } from "./audit.ts";
import { catalogHandlers } from "./catalog.ts";
import { chatHandlers } from "./chat.ts";
import { ciInsightHandlers } from "./ci-insights.ts";
import { ciRunHandlers } from "./ci-runs.ts";
import { contextHandlers } from "./context.ts";
import { approvalHandlers, conversationHandlers } from "./conversations.ts";
import { egressHandlers } from "./egress.ts";
import { executionHandlers } from "./executions.ts";
import { extractHandlers } from "./extract.ts";
import { fileHandlers } from "./files.ts";
import { flowHandlers } from "./flows.ts";
import { imageHandlers } from "./images.ts";
import { maintenanceHandlers } from "./maintenance.ts";
import { metricsHandlers } from "./metrics.ts";
import { openAiHandlers } from "./openai.ts";
import { poolHandlers } from "./pools.ts";
import { repositoryHandlers } from "./repositories.ts";
import { runHandlers } from "./runs.ts";
import { secretHandlers } from "./secrets.ts";
import { sessionHandlers } from "./sessions.ts";
import { snapshotHandlers } from "./snapshots.ts";
import { systemHandlers } from "./system.ts";
import { templateHandlers, templatePartHandlers } from "./templates.ts";
import { tokenHandlers } from "./tokens.ts";
import { webhookHandlers } from "./webhooks.ts";

type Table = typeof OPERATIONS;
type WebSocketId = { [K in keyof Table]: Table[K]["answer"] extends "websocket" ? K : never }[keyof Table];

/** Every operation that answers a plain request; those over WebSocket are in `../websocket`. */
export function createHandlers(context: HandlerContext): Omit<HandlerTable, WebSocketId> {
  return {
    ...systemHandlers(context),
    ...templateHandlers(context),
    ...templatePartHandlers(context),
    ...catalogHandlers(context),
    ...sessionHandlers(context),
    ...snapshotHandlers(context),
    ...poolHandlers(context),
    ...contextHandlers(context),
    ...fileHandlers(context),
    ...executionHandlers(context),
    ...runHandlers(context),
    ...agentHandlers(context),
    ...taskHandlers(context),
    ...flowHandlers(context),
    ...ciRunHandlers(context),
    ...ciInsightHandlers(context),
    ...repositoryHandlers(context),
    ...webhookHandlers(context),
    ...chatHandlers(context),
    ...openAiHandlers(context),
    ...assistantHandlers(context),
    ...conversationHandlers(context),
    ...approvalHandlers(context),
    ...extractHandlers(context),
    ...tokenHandlers(context),
    ...secretHandlers(context),
    ...egressHandlers(context),
    ...auditHandlers(context),
    ...imageHandlers(context),
    ...maintenanceHandlers(context),
    ...metricsHandlers(context),
  };
}
