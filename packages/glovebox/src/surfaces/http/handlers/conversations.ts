import type { approvalOperations, conversationOperations } from "../../operations/chat.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function conversationHandlers(context: HandlerContext): HandlersOf<typeof conversationOperations> {
  const conversations = () => partOf(context, "chat").conversations;
  return {
    "conversations.list": async ({ principal, query }) => await conversations().list(principal.tenantId, query),
    "conversations.get": async ({ principal, params }) => await conversations().get(principal.tenantId, params.id),
    "conversations.delete": async ({ principal, params }) =>
      await conversations().delete(principal.tenantId, params.id),
    "conversations.fork": async ({ principal, params }) => await conversations().fork(principal.tenantId, params.id),
    "conversations.executions": async ({ principal, params, query }) =>
      await conversations().executions(principal.tenantId, params.id, query),
  };
}

export function approvalHandlers(context: HandlerContext): HandlersOf<typeof approvalOperations> {
  const approvals = () => partOf(context, "chat").approvals;
  return {
    "approvals.list": async ({ principal, query }) => await approvals().list(principal.tenantId, query),
    "approvals.get": async ({ principal, params }) => await approvals().get(principal.tenantId, params.id),
    "approvals.decide": async ({ principal, params, body: { decision, reason } }) =>
      await approvals().decide(principal.tenantId, params.id, {
        decision,
        ...(reason !== undefined && { reason }),
        by: principal.name,
      }),
  };
}
