import type { WebSocket } from "@fastify/websocket";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { type Decision, GloveboxError, type Principal } from "../../core/index.ts";
import { OPERATIONS, type Operation, type OperationId } from "../operations/index.ts";
import { idOfAnswer, isAudited, record } from "./audit-requests.ts";
import type { Call } from "./call.ts";
import type { createHandlers } from "./handlers/index.ts";
import type { HandlerContext } from "./options.ts";
import { traceIdOf } from "./request-identity.ts";
import { Nothing, validate } from "./validation.ts";
import { closeWithError, connectionSignal } from "./websocket/connection.ts";
import { followExecution } from "./websocket/follow.ts";
import { openTerminal } from "./websocket/terminal.ts";

const NoBody = Nothing.optional();

/** The operation and the caller of a request, set by the hooks before its handler runs. */
declare module "fastify" {
  interface FastifyRequest {
    principal: Principal | undefined;
    decision: Decision | undefined;
    /** Of what the operation made, for the audit log. */
    madeId: string | undefined;
  }
  interface FastifyContextConfig {
    operation?: OperationId;
  }
}

type AnyHandler = (call: Call<Operation>) => Promise<unknown>;

export function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

export function operationsWhere(keep: (operation: Operation) => boolean): [OperationId, Operation][] {
  return (Object.entries(OPERATIONS) as [OperationId, Operation][]).filter(([, operation]) => keep(operation));
}

/** Registers one operation in a scope whose hooks have set `request.principal`. */
export function registerOperation(
  scope: FastifyInstance,
  id: OperationId,
  operation: Operation,
  handlers: ReturnType<typeof createHandlers>,
  context: HandlerContext,
): void {
  const url = fastifyPath(operation.path);
  if (operation.answer === "websocket") {
    registerWebSocket(scope, id, operation, url, context);
    return;
  }
  const handler = (handlers as unknown as Readonly<Record<string, AnyHandler>>)[id];
  if (handler === undefined) throw new Error(`no handler for ${id}`);
  const isPlain = operation.answer === "json" || operation.answer === "json-or-sse" || id === "files.read";
  scope.route({
    method: operation.method,
    url,
    exposeHeadRoute: isPlain && operation.method === "GET",
    config: { operation: id },
    handler: async (request, reply) => {
      const call = toCall(operation, request, reply, context);
      if (operation.status !== 200) reply.code(operation.status);
      const answer = await handler(call);
      if (isAudited(operation)) request.madeId = idOfAnswer(answer);
      if (reply.sent) return reply;
      if (operation.answer === "none") return reply.code(204).send();
      if (answer === undefined) return reply;
      return reply.send(reply.statusCode === 304 ? "" : answer);
    },
  });
}

function toCall(
  operation: Operation,
  request: FastifyRequest,
  reply: FastifyReply,
  context: HandlerContext,
): Call<Operation> {
  const body: z.ZodType | undefined = operation.upload === undefined ? (operation.body ?? NoBody) : undefined;
  let signal: AbortSignal | undefined;
  return {
    principal: principalOf(request),
    params: validate(operation.params ?? Nothing, request.params, "params") as never,
    query: validate(operation.query ?? Nothing, { ...(request.query as object) }, "query") as never,
    body: (body === undefined ? undefined : validate(body, request.body ?? undefined, "body")) as never,
    request,
    reply,
    get signal() {
      signal ??= requestSignal(operation, reply, context.draining);
      return signal;
    },
  };
}

/** Aborts when the client is gone before it was answered; live streams also end when the server drains. */
function requestSignal(operation: Operation, reply: FastifyReply, draining: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const isLive = operation.answer === "sse" || operation.answer === "json-or-sse";
  return isLive ? AbortSignal.any([gone.signal, draining]) : gone.signal;
}

/** Public operations run without a caller; none of their handlers reads one. */
function principalOf(request: FastifyRequest): Principal {
  return request.principal ?? { tenantId: "", tokenId: "", name: "", roles: [], root: false };
}

function registerWebSocket(
  scope: FastifyInstance,
  id: OperationId,
  operation: Operation,
  url: string,
  context: HandlerContext,
): void {
  const run: Readonly<Record<string, (call: never, socket: WebSocket) => Promise<void>>> = {
    "sessions.terminal": (call, socket) => openTerminal(context, call, socket),
    "executions.follow": (call, socket) => followExecution(context, call, socket),
  };
  const start = run[id];
  if (start === undefined) throw new Error(`no WebSocket handler for ${id}`);
  scope.route({
    method: "GET",
    url,
    exposeHeadRoute: false,
    config: { operation: id },
    handler: async () => {
      throw new GloveboxError("invalid_argument", "this is a WebSocket: connect with an upgrade", {
        details: { in: "header", path: "upgrade" },
      });
    },
    wsHandler: (socket, request) => {
      const ids = { requestId: request.id, traceId: traceIdOf(request.headers.traceparent, request.id) };
      const signal = connectionSignal(socket, context.draining, context.settings.heartbeatMs);
      if (context.audit !== undefined && isAudited(operation)) record(context.audit, request, id, 101);
      const work = async () => {
        const params = validate(operation.params ?? Nothing, request.params, "params");
        const query = validate(operation.query ?? Nothing, { ...(request.query as object) }, "query");
        await start({ principal: principalOf(request), params, query, request, signal } as never, socket);
      };
      work().catch((error: unknown) => {
        if (!signal.aborted)
          context.logger.debug({ ...ids, operation: id, error: String(error) }, "a WebSocket failed");
        closeWithError(socket, error, { ...ids, redactor: context.redactor });
      });
    },
  });
}
