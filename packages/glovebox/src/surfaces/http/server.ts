import websocket from "@fastify/websocket";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { GloveboxError, type Principal, type RateLimiter, type Redactor } from "../../core/index.ts";
import { registerMcp } from "../mcp/index.ts";
import { OPERATIONS, type Operation } from "../operations/index.ts";
import { auditRequests } from "./audit-requests.ts";
import { createAuthentication } from "./authentication.ts";
import { corsHeaders } from "./cors.ts";
import { registerDocs } from "./docs.ts";
import { fromFrameworkError, httpStatusOf, isServerFault, retryAfterSeconds, toEnvelope } from "./error-envelope.ts";
import { createHandlers } from "./handlers/index.ts";
import { measureRequests } from "./measure-requests.ts";
import { toOpenAiError } from "./openai/error-body.ts";
import type { HandlerContext, HttpServerOptions } from "./options.ts";
import { registerOtherMethods } from "./other-methods.ts";
import { requestIdOf, traceIdOf } from "./request-identity.ts";
import { operationsWhere, registerOperation } from "./routes.ts";
import { parseStrictJson } from "./strict-json.ts";
import { dropRest } from "./upload.ts";
import { registerWebhooks } from "./webhooks.ts";

export interface HttpServer {
  readonly app: FastifyInstance;
  /**
   * Stops taking requests, ends live streams with a resumable cut, lets running requests end within the grace, then closes what
   * is left. Idempotent.
   */
  close(): Promise<void>;
}

/** Counters that the surface asks before it does any work. */
export interface Guards {
  readonly requests: RateLimiter;
  readonly authenticationFailures: RateLimiter;
  readonly addresses: { readonly allowsAll: boolean; allows(address: string | undefined): boolean };
}

/** The HTTP surface of a server, made from the table of operations. It does not listen yet: see `listen`. */
export async function buildHttpServer(options: HttpServerOptions, guards: Guards): Promise<HttpServer> {
  const drain = new AbortController();
  const context: HandlerContext = { ...options, draining: drain.signal };
  const app = createFastify(options);
  app.decorateRequest("principal", undefined);
  app.decorateRequest("decision", undefined);
  app.decorateRequest("madeId", undefined);
  refuseStrangers(app, guards);
  setErrorHandling(app, context);
  await app.register(websocket, { options: { maxPayload: 1 << 20, handleProtocols: chooseProtocol } });
  const handlers = createHandlers(context);

  registerHealth(app, options.version);
  for (const [id, operation] of operationsWhere(isPlainPublic)) {
    registerOperation(app, id, operation, handlers, context);
  }
  await app.register(async (scope) => registerWebhooks(scope, context, handlers));
  const admit = createAdmission(context, guards);
  await registerMcp(app, context, admit);
  await app.register(async (scope) => {
    protect(scope, context, admit);
    await scope.register(async (json) => {
      acceptStrictJson(json);
      for (const [id, op] of operationsWhere((op) => op.minimumRole !== "public" && op.upload === undefined)) {
        registerOperation(json, id, op, handlers, context);
      }
    });
    await scope.register(async (uploads) => {
      uploads.removeAllContentTypeParsers();
      uploads.addHook("onResponse", (request, _reply, done) => {
        dropRest(request);
        done();
      });
      uploads.addContentTypeParser("*", (_request, _payload, done) => done(null));
      for (const [id, op] of operationsWhere((op) => op.minimumRole !== "public" && op.upload !== undefined)) {
        registerOperation(uploads, id, op, handlers, context);
      }
    });
  });
  registerOtherMethods(app, options);
  if (options.settings.docs) registerDocs(app, options.version);
  await app.ready();
  return { app, close: closer(app, drain, options) };
}

/** Health is answered past all hooks, and webhooks before their bodies are read. */
function isPlainPublic({ minimumRole, path, signed }: Operation): boolean {
  return minimumRole === "public" && path !== "/v1/health" && signed !== true;
}

/** What requests have in them is read by the table of operations. Left alone, the framework would load a validator and a serialiser that nothing uses. */
const NO_SCHEMAS = { buildValidator: refuseSchemas, buildSerializer: refuseSchemas };

function refuseSchemas(): never {
  throw new Error("a route has a schema of the framework's: give its operation one");
}

function createFastify(options: HttpServerOptions): FastifyInstance {
  const { settings } = options;
  return Fastify({
    logger: false,
    schemaController: { compilersFactory: NO_SCHEMAS },
    bodyLimit: settings.bodyBytes,
    genReqId: requestIdOf,
    requestIdHeader: false,
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: false },
    requestTimeout: settings.requestTimeoutMs,
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    forceCloseConnections: false,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      sendError(fromFrameworkError(error), request as FastifyRequest, reply as unknown as FastifyReply, options);
    },
    http: { headersTimeout: settings.headersTimeoutMs, maxHeaderSize: 32 * 1024, noDelay: true },
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return;
      const { error } = toEnvelope(new GloveboxError("invalid_argument", "not an HTTP request"), "", "");
      const body = JSON.stringify({ error });
      const head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\nconnection: close\r\n";
      socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    },
  });
}

/** The answer never changes, so it is made once and written past all hooks. */
function registerHealth(app: FastifyInstance, version: string): void {
  const body = Buffer.from(JSON.stringify({ status: "ok", version }));
  const length = String(body.length);
  app.get("/v1/health", { config: { operation: "health.get" } }, (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, [
      ...["content-type", "application/json; charset=utf-8", "content-length", length],
      ...["cache-control", "no-store", "x-request-id", request.id],
    ]);
    reply.raw.end(body);
  });
}

/** Before anything else, and only where a list is set. */
function refuseStrangers(app: FastifyInstance, guards: Guards): void {
  if (guards.addresses.allowsAll) return;
  app.addHook("onRequest", (request, _reply, done) => {
    if (guards.addresses.allows(request.socket.remoteAddress)) done();
    else done(new GloveboxError("permission_denied", "this address is not allowed to connect"));
  });
}

/** Who asks, and not too often. */
function createAdmission(
  context: HandlerContext,
  guards: Guards,
): (request: FastifyRequest, reply: FastifyReply) => Promise<Principal> {
  const authenticate = createAuthentication({
    tokens: context.tokens,
    clock: context.clock,
    logger: context.logger,
    failures: guards.authenticationFailures,
    ...(context.audit === undefined ? {} : { audit: context.audit }),
    ...(context.loopbackPrincipal === undefined ? {} : { loopbackPrincipal: context.loopbackPrincipal }),
  });
  return async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
    for (const [name, value] of corsHeaders(request, context.settings.corsOrigins)) reply.header(name, value);
    if (context.draining.aborted) throw new GloveboxError("unavailable", "the server is shutting down");
    const principal = await authenticate(request);
    request.principal = principal;
    const waitMs = guards.requests.take(principal.tokenId);
    if (waitMs > 0) {
      throw new GloveboxError("rate_limited", "too many requests with this token", {
        details: { retryAfterMs: waitMs },
      });
    }
    return principal;
  };
}

/** Who asks, not too often, and may they: in this order, before a body is read. */
function protect(
  scope: FastifyInstance,
  context: HandlerContext,
  admit: (request: FastifyRequest, reply: FastifyReply) => Promise<Principal>,
): void {
  scope.addHook("onRequest", async (request, reply) => {
    const principal = await admit(request, reply);
    const action = request.routeOptions.config.operation ?? "";
    const id = (request.params as { id?: unknown }).id;
    const resource = { kind: action.split(".")[0] ?? "", tenantId: principal.tenantId };
    const decision = context.authorizer.check(
      principal,
      action,
      typeof id === "string" ? { ...resource, id } : resource,
    );
    request.decision = decision;
    if (!decision.allowed) {
      throw new GloveboxError("permission_denied", decision.reasons[0] ?? "denied", {
        details: { reasons: decision.reasons },
      });
    }
  });
  if (context.audit !== undefined) auditRequests(scope, context.audit);
  if (context.metrics !== undefined) measureRequests(scope, context.metrics);
  scope.addHook("onResponse", (request, reply, done) => {
    context.logger.info(
      {
        requestId: request.id,
        operation: request.routeOptions.config.operation,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        tenantId: request.principal?.tenantId,
        tokenId: request.principal?.tokenId,
      },
      "request",
    );
    done();
  });
}

function acceptStrictJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      const bytes = body as Buffer;
      done(null, bytes.length === 0 ? undefined : parseStrictJson(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
}

function setErrorHandling(app: FastifyInstance, options: HttpServerOptions): void {
  app.setErrorHandler((error, request, reply) => {
    sendError(fromFrameworkError(error), request, reply, options);
  });
  app.setNotFoundHandler((request, reply) => {
    sendError(new GloveboxError("not_found", "there is nothing at this path"), request, reply, options);
  });
}

function sendError(
  error: GloveboxError,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpServerOptions,
): void {
  const traceId = traceIdOf(request.headers.traceparent, request.id);
  options.metrics?.counted("error", { code: error.code });
  if (isServerFault(error)) {
    const cause = error.cause instanceof Error ? error.cause.stack : undefined;
    options.logger.error(
      { requestId: request.id, traceId, code: error.code, error: error.message, stack: cause ?? error.stack },
      "a request failed",
    );
  }
  // The framework would close the connection on which the client is still sending what is too large, and the client would see that
  // before the answer. What is left is read and dropped instead.
  if (error.code === "payload_too_large") reply.removeHeader("connection");
  const wait = retryAfterSeconds(error);
  if (wait !== undefined) reply.header("retry-after", wait);
  if (error.code === "unauthenticated") reply.header("www-authenticate", "Bearer");
  reply
    .code(httpStatusOf(error))
    .header("x-request-id", request.id)
    .header("x-content-type-options", "nosniff")
    .header("content-type", "application/json; charset=utf-8")
    .send(JSON.stringify(bodyOf(error, request, traceId, options.redactor)));
}

function bodyOf(
  error: GloveboxError,
  request: FastifyRequest,
  traceId: string,
  redactor: Redactor | undefined,
): object {
  const id = request.routeOptions?.config.operation;
  const operation: Operation | undefined = id === undefined ? undefined : OPERATIONS[id];
  if (operation?.dialect === "openai") return toOpenAiError(error, request.id, redactor);
  return toEnvelope(error, request.id, traceId, redactor);
}

function chooseProtocol(protocols: Set<string>): string | false {
  return protocols.has("glovebox.v1") ? "glovebox.v1" : false;
}

function closer(app: FastifyInstance, drain: AbortController, options: HttpServerOptions): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async () => {
    drain.abort();
    const force = setTimeout(() => app.server.closeAllConnections(), options.settings.shutdownGraceMs);
    // A connection becomes idle when its last answer is out, and would then be kept for the next request.
    const idle = setInterval(() => app.server.closeIdleConnections(), 20);
    try {
      await app.close();
    } finally {
      clearInterval(idle);
      clearTimeout(force);
    }
  };
  return () => {
    closing ??= close();
    return closing;
  };
}
