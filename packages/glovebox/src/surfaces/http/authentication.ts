import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import {
  type AuditSink,
  type Clock,
  GloveboxError,
  type Logger,
  type Principal,
  type RateLimiter,
  type TokenService,
} from "../../core/index.ts";
import { DEFAULT_TENANT } from "../../governance/index.ts";
import { traceIdOf } from "./request-identity.ts";

export interface AuthenticationOptions {
  readonly tokens: TokenService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit?: AuditSink;
  /** Counts failures by address. */
  readonly failures: RateLimiter;
  /** Milliseconds after which every failure answers, counted from the request's start. Default 50. */
  readonly failureMs?: number;
  /** Whom a request from this machine without a token stands for; without it, nobody. */
  readonly loopbackPrincipal?: Principal;
}

const BEARER = /^Bearer +(\S+) *$/i;
/** Browsers cannot set headers on a WebSocket, so the token may come as a subprotocol after this prefix. */
const PROTOCOL_PREFIX = "glovebox.token.";
const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** Finds out who asks. Every failure looks the same from outside, in words and in time. */
export function createAuthentication(options: AuthenticationOptions): (request: FastifyRequest) => Promise<Principal> {
  const failureMs = options.failureMs ?? 50;

  return async (request) => {
    const startedMs = options.clock.monotonicMs();
    const secret = readSecret(request);
    if (secret === undefined && options.loopbackPrincipal !== undefined && isLocal(request)) {
      return options.loopbackPrincipal;
    }
    const result = await options.tokens.authenticate(secret);
    if (result.ok) return result.principal;
    options.logger.warn(
      { requestId: request.id, failure: result.failure, address: request.ip, method: request.method },
      "authentication failed",
    );
    const waitMs = options.failures.take(request.ip);
    // Beyond what an address may try, nothing is told to it, and the disk is not its to fill.
    if (waitMs === 0) recordFailure(options.audit, request, result.failure);
    await sleep(Math.max(0, failureMs - (options.clock.monotonicMs() - startedMs)));
    if (waitMs > 0) {
      throw new GloveboxError("rate_limited", "too many failed attempts from this address", {
        details: { retryAfterMs: waitMs },
      });
    }
    throw new GloveboxError("unauthenticated", "a valid token is needed: Authorization: Bearer <token>, or X-API-Key");
  };
}

/** In the root token's tenant: who failed belongs to none. */
function recordFailure(audit: AuditSink | undefined, request: FastifyRequest, failure: string): void {
  audit?.record({
    tenantId: DEFAULT_TENANT,
    principal: "anonymous",
    action: "authentication",
    resource: { kind: "address", id: request.ip },
    decision: "deny",
    reasons: [failure, request.routeOptions.config.operation ?? ""],
    requestId: request.id,
    traceId: traceIdOf(request.headers.traceparent, request.id),
  });
}

function readSecret(request: FastifyRequest): string | undefined {
  const { authorization, "x-api-key": apiKey, "sec-websocket-protocol": protocols } = request.headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1] ?? "";
  if (typeof apiKey === "string") return apiKey;
  if (protocols === undefined || request.headers.upgrade === undefined) return undefined;
  const carried = protocols.split(",").map((item) => item.trim());
  return carried.find((item) => item.startsWith(PROTOCOL_PREFIX))?.slice(PROTOCOL_PREFIX.length);
}

/** By address and by the name in `Host`, so that a web page cannot get here through a name that it makes point at this machine. */
function isLocal(request: FastifyRequest): boolean {
  const address = request.ip;
  const loopback = address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
  return loopback && request.headers.origin === undefined && LOCAL_HOST.test(request.headers.host ?? "");
}
