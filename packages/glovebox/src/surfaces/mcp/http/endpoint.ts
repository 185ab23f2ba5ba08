import { Glovebox } from "@glovebox/sdk";
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type McpHttpHandler,
} from "@modelcontextprotocol/server";
import type { Clock, Logger, Principal } from "../../../core/index.ts";
import { MCP_LIMITS } from "../limits.ts";
import { LooseSandboxes } from "../sandboxes.ts";
import { buildMcpServer } from "../server.ts";
import { McpSession } from "./mcp-session.ts";
import { RPC_INVALID_REQUEST, RPC_NO_SESSION, RPC_REFUSED, rpcError } from "./rpc-error.ts";

export interface McpEndpointOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds of quiet after which streams send a comment. */
  readonly heartbeatMs: number;
}

/** Who asks, and what acts as them. */
export interface McpCaller {
  readonly principal: Principal;
  readonly box: Glovebox;
}

const SWEEP_MS = 30_000;

/**
 * MCP over streamable HTTP: clients up to revision 2025-11-25 have sessions, which are held here; those of 2026-07-28 have none, and each of
 * their requests stands for itself.
 */
export class McpEndpoint implements AsyncDisposable {
  readonly #options: McpEndpointOptions;
  readonly #sessions = new Map<string, McpSession>();
  readonly #modern: McpHttpHandler;
  readonly #sweeper: NodeJS.Timeout;
  #opening = 0;
  #isClosed = false;

  constructor(options: McpEndpointOptions) {
    this.#options = options;
    const { version, logger, heartbeatMs } = options;
    this.#modern = createMcpHandler(
      ({ authInfo }) => {
        const box = authInfo?.extra?.box;
        if (!(box instanceof Glovebox)) throw new Error("a request that stands for nobody");
        return buildMcpServer({ box, sandboxes: new LooseSandboxes(box), version, logger });
      },
      { legacy: "reject", keepAliveMs: heartbeatMs, maxSubscriptions: 0 },
    );
    this.#sweeper = setInterval(() => void this.endIdle(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** How many MCP sessions there are. */
  get size(): number {
    return this.#sessions.size;
  }

  async handle(request: Request, parsedBody: unknown, caller: McpCaller): Promise<Response> {
    if (this.#isClosed) return rpcError(503, RPC_REFUSED, "the server is shutting down");
    if (Array.isArray(parsedBody) && parsedBody.length > MCP_LIMITS.batch) {
      return rpcError(400, RPC_INVALID_REQUEST, `at most ${MCP_LIMITS.batch} messages in one request`);
    }
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const session = this.#sessions.get(id);
      if (session === undefined || !session.belongsTo(caller.principal)) return noSession();
      return await session.handle(request, parsedBody);
    }
    if (await isLegacyRequest(request, parsedBody)) {
      if (!isInitializeRequest(parsedBody)) return rpcError(400, RPC_INVALID_REQUEST, "Mcp-Session-Id is missing");
      return await this.#open(request, parsedBody, caller);
    }
    const { tokenId } = caller.principal;
    return await this.#modern.fetch(request, {
      parsedBody,
      authInfo: { token: "", clientId: tokenId, scopes: [], extra: { box: caller.box } },
    });
  }

  async #open(request: Request, parsedBody: unknown, caller: McpCaller): Promise<Response> {
    if (!(await this.#makeRoom(caller.principal))) {
      return rpcError(429, RPC_REFUSED, "resource_exhausted: too many MCP sessions are open");
    }
    const { version, clock, logger, heartbeatMs } = this.#options;
    this.#opening += 1;
    try {
      const session = await McpSession.open({
        ...{ version, clock, logger, heartbeatMs, ...caller },
        onOpen: (opened) => this.#sessions.set(opened.id, opened),
        onEnd: (ended) => this.#sessions.delete(ended.id),
      });
      const response = await session.handle(request, parsedBody);
      // What did not come to be a session is nobody's.
      if (this.#isClosed || !this.#sessions.has(session.id)) await session[Symbol.asyncDispose]();
      return response;
    } finally {
      this.#opening -= 1;
    }
  }

  /** Ends the token's quietest session where it has as many as it may: clients that died without a word leave theirs behind. */
  async #makeRoom({ tokenId }: Principal): Promise<boolean> {
    const own = [...this.#sessions.values()].filter((session) => session.tokenId === tokenId);
    if (own.length < MCP_LIMITS.sessionsPerToken && this.#sessions.size + this.#opening < MCP_LIMITS.sessions)
      return true;
    const quiet = own.filter((session) => session.isQuiet).sort((a, b) => a.lastUsedMs - b.lastUsedMs)[0];
    if (quiet === undefined) return false;
    await quiet[Symbol.asyncDispose]();
    return true;
  }

  /** Ends the sessions that nobody used for long. */
  async endIdle(): Promise<void> {
    const now = this.#options.clock.monotonicMs();
    const idle = [...this.#sessions.values()].filter(
      (session) => session.isQuiet && now - session.lastUsedMs >= MCP_LIMITS.sessionIdleMs,
    );
    await Promise.all(idle.map((session) => session[Symbol.asyncDispose]()));
  }

  /** Ends all sessions and streams. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    await Promise.all([...this.#sessions.values()].map((session) => session[Symbol.asyncDispose]()));
    await this.#modern.close();
  }
}

/** The same for one that never was and for one of somebody else. */
function noSession(): Response {
  return rpcError(404, RPC_NO_SESSION, "Session not found");
}
