import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AuditSink } from "../../core/index.ts";
import { OPERATIONS, type Operation, type OperationId } from "../operations/index.ts";
import { traceIdOf } from "./request-identity.ts";

/** Whether each call of an operation is in the audit log: what changes something, and what the table says besides. */
export function isAudited(operation: Operation): boolean {
  return operation.audited ?? operation.method !== "GET";
}

/** Records requests when they are over, with how they ended: those of audited operations, and every one that was denied. */
export function auditRequests(scope: FastifyInstance, audit: AuditSink): void {
  scope.addHook("onResponse", (request, reply, done) => {
    const { operation: action } = request.routeOptions.config;
    const operation: Operation | undefined = action === undefined ? undefined : OPERATIONS[action];
    const isDenied = reply.statusCode === 403;
    if (action !== undefined && operation !== undefined && (isDenied || isAudited(operation))) {
      // An open WebSocket is recorded as it opens.
      if (isDenied || operation.answer !== "websocket") record(audit, request, action, reply.statusCode);
    }
    done();
  });
}

/** One entry. Nothing for who was not known: a failed authentication has its own. */
export function record(audit: AuditSink, request: FastifyRequest, action: OperationId, status: number): void {
  const { principal, decision, madeId } = request;
  if (principal === undefined) return;
  const { id, name } = request.params as { readonly id?: unknown; readonly name?: unknown };
  const resourceId = [id, name, madeId].find((value) => typeof value === "string");
  audit.record({
    tenantId: principal.tenantId,
    principal: principal.tokenId,
    action,
    resource: { kind: action.split(".")[0] ?? "", ...(resourceId !== undefined && { id: resourceId as string }) },
    decision: status === 403 ? "deny" : "allow",
    reasons: [...(decision?.reasons ?? []), `status ${status}`],
    requestId: request.id,
    traceId: traceIdOf(request.headers.traceparent, request.id),
  });
}

/** The id of what an operation made or changed, where its answer says so: on its own, or within the thing that it names. */
export function idOfAnswer(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { id, runId, session, execution, run, token } = answer as Readonly<Record<string, unknown>>;
  if (typeof id === "string") return id;
  // A turn of a chat is known by its run.
  if (typeof runId === "string") return runId;
  for (const inner of [session, execution, run, token]) {
    const found = idOfAnswer(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
