import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Glovebox } from "@glovebox/sdk";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GloveboxError, type Principal } from "../../../core/index.ts";
import { corsHeaders } from "../../http/cors.ts";
import { plainHeaders } from "../../http/live-stream.ts";
import type { HandlerContext } from "../../http/options.ts";
import { parseStrictJson } from "../../http/strict-json.ts";
import type { McpEndpoint } from "./endpoint.ts";
import { identityOf, inProcessFetch } from "./in-process-fetch.ts";
import { RPC_PARSE_ERROR, rpcError } from "./rpc-error.ts";

const PATH = "/mcp";
const METHODS = "GET, POST, DELETE, OPTIONS";
/** What MCP clients in browsers send, and read. */
const CORS_SENT =
  "authorization, x-api-key, content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name";

/**
 * `/mcp`. `admit` finds out who asks and how often, as for every route; what they may do is decided for each operation that their calls use,
 * since these come back to this server as requests of theirs.
 */
export async function registerMcp(
  app: FastifyInstance,
  context: HandlerContext,
  admit: (request: FastifyRequest, reply: FastifyReply) => Promise<Principal>,
): Promise<void> {
  const { version, clock, logger, settings, draining } = context;
  const endpoint = openedLater(async () => {
    const { McpEndpoint } = await import("./endpoint.ts");
    return new McpEndpoint({ version, clock, logger, heartbeatMs: settings.heartbeatMs });
  });
  draining.addEventListener("abort", () => void endpoint.close(), { once: true });
  app.addHook("onClose", async () => await endpoint.close());
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.addHook("onRequest", async (request, reply) => {
      refuseForeignPages(request, settings.corsOrigins);
      if (request.method !== "OPTIONS") await admit(request, reply);
    });
    scope.options(PATH, (request, reply) => {
      for (const [name, value] of corsHeaders(request, settings.corsOrigins, METHODS)) reply.header(name, value);
      reply.header("access-control-allow-headers", CORS_SENT).code(204).header("allow", METHODS).send();
    });
    scope.route({
      method: ["GET", "POST", "DELETE"],
      url: PATH,
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        if (reply.hasHeader("access-control-allow-origin")) {
          reply.header("access-control-expose-headers", "mcp-session-id, x-request-id");
        }
        const { principal } = request;
        if (principal === undefined) throw new Error("nobody was admitted");
        const asked = toWebRequest(request, reply);
        const body = bodyOf(request);
        const box = new Glovebox({
          url: "http://in-process.invalid",
          fetch: inProcessFetch(app, identityOf(request)),
          retry: { attempts: 1 },
        });
        const answer =
          "error" in body ? body.error : await (await endpoint.get()).handle(asked, body.value, { principal, box });
        await send(reply, answer);
        return reply;
      },
    });
  });
}

/** MCP's library is loaded by the first client, not by every start. What was never opened needs no closing; what is being opened is closed then. */
function openedLater(open: () => Promise<McpEndpoint>): { get(): Promise<McpEndpoint>; close(): Promise<void> } {
  let opening: Promise<McpEndpoint> | undefined;
  return {
    get: () => {
      opening ??= open();
      return opening;
    },
    close: async () => await (await opening)?.[Symbol.asyncDispose](),
  };
}

/** A page of another site must not talk to us through its visitor's browser, whatever name it gave this machine. */
function refuseForeignPages(request: FastifyRequest, allowed: readonly string[]): void {
  const { origin } = request.headers;
  if (origin === undefined || allowed.includes(origin)) return;
  throw new GloveboxError("permission_denied", "pages of this origin may not call; see http.corsOrigins", {
    details: { in: "header", path: "origin" },
  });
}

function bodyOf(request: FastifyRequest): { readonly value: unknown } | { readonly error: Response } {
  const bytes = request.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return { value: undefined };
  try {
    return { value: parseStrictJson(bytes) };
  } catch {
    return { error: rpcError(400, RPC_PARSE_ERROR, "not JSON") };
  }
}

/** Its signal aborts when the client is gone before it was answered. */
function toWebRequest(request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, String(value));
  return new Request(`http://in-process.invalid${PATH}`, { method: request.method, headers, signal: gone.signal });
}

async function send(reply: FastifyReply, answer: Response): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(answer.status, { ...plainHeaders(reply), ...Object.fromEntries(answer.headers) });
  raw.flushHeaders();
  if (answer.body === null) {
    raw.end();
    return;
  }
  // A client that goes away in the middle is no failure; the stream is left then, which frees what feeds it.
  await pipeline(Readable.fromWeb(answer.body as never), raw).catch(() => undefined);
}
