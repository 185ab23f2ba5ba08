import { randomUUID } from "node:crypto";
import type { Glovebox } from "@glovebox/sdk";
import { type McpServer, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import type { Clock, Logger, Principal } from "../../../core/index.ts";
import { MCP_LIMITS } from "../limits.ts";
import { OwnSandbox } from "../sandboxes.ts";
import { buildMcpServer } from "../server.ts";
import { RPC_REFUSED, rpcError } from "./rpc-error.ts";

export interface McpSessionOptions {
  readonly principal: Principal;
  readonly box: Glovebox;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  /** The client has initialised it. */
  readonly onOpen: (session: McpSession) => void;
  readonly onEnd: (session: McpSession) => void;
}

/** One MCP session with its sandbox, of one token. Disposing of it cancels what runs in it. */
export class McpSession implements AsyncDisposable {
  readonly id = randomUUID();
  readonly #options: McpSessionOptions;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #server: McpServer;
  readonly #sandbox: OwnSandbox;
  #requests = 0;
  #lastUsedMs: number;
  #ending: Promise<void> | undefined;

  private constructor(options: McpSessionOptions) {
    this.#options = options;
    const { box, version, logger } = options;
    this.#lastUsedMs = options.clock.monotonicMs();
    this.#sandbox = new OwnSandbox(box);
    this.#server = buildMcpServer({ box, sandboxes: this.#sandbox, version, logger });
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      onsessioninitialized: () => options.onOpen(this),
      onsessionclosed: () => void this[Symbol.asyncDispose](),
      keepAliveMs: options.heartbeatMs,
    });
  }

  static async open(options: McpSessionOptions): Promise<McpSession> {
    const session = new McpSession(options);
    await session.#server.connect(session.#transport);
    return session;
  }

  get tokenId(): string {
    return this.#options.principal.tokenId;
  }

  /** By the clock's monotonic time. */
  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  /** Neither a request nor a stream is open. */
  get isQuiet(): boolean {
    return this.#requests === 0;
  }

  belongsTo({ tokenId, tenantId }: Principal): boolean {
    const { principal } = this.#options;
    return principal.tokenId === tokenId && principal.tenantId === tenantId;
  }

  async handle(request: Request, parsedBody: unknown): Promise<Response> {
    if (this.#requests >= MCP_LIMITS.requestsPerSession) {
      return rpcError(429, RPC_REFUSED, "rate_limited: too many requests at once in this MCP session");
    }
    this.#requests += 1;
    let isDone = false;
    const done = () => {
      if (isDone) return;
      isDone = true;
      this.#requests -= 1;
      this.#lastUsedMs = this.#options.clock.monotonicMs();
    };
    try {
      const response = await this.#transport.handleRequest(request, { parsedBody });
      if (response.body === null) {
        done();
        return response;
      }
      const { status, headers } = response;
      return new Response(whenOver(response.body, done), { status, headers });
    } catch (error) {
      done();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#options.onEnd(this);
    try {
      await this.#server.close();
      await this.#sandbox[Symbol.asyncDispose]();
    } catch (error) {
      // Such as a token that was revoked, or a server that stops: its own idleness ends the sandbox.
      this.#options.logger.warn({ error: String(error) }, "could not close an MCP session");
    }
  }
}

/** The same stream, telling when it has ended, failed or been left. */
function whenOver(body: ReadableStream<Uint8Array>, done: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done: isLast, value } = await reader.read();
        if (!isLast) return controller.enqueue(value);
      } catch (error) {
        done();
        return controller.error(error);
      }
      done();
      controller.close();
    },
    cancel: async (reason) => {
      done();
      await reader.cancel(reason);
    },
  });
}
