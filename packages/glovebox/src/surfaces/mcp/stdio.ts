import type { Readable, Writable } from "node:stream";
import type { Glovebox } from "@glovebox/sdk";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Logger } from "../../core/index.ts";
import { MCP_LIMITS } from "./limits.ts";
import { OwnSandbox } from "./sandboxes.ts";
import { buildMcpServer } from "./server.ts";

export interface McpStdioOptions {
  readonly box: Glovebox;
  readonly version: string;
  readonly logger: Logger;
  readonly input: Readable;
  readonly output: Writable;
  /** Ends the connection. */
  readonly signal: AbortSignal;
}

/** Serves one client until it closes its end, sends what is too large, or the signal aborts; then closes the client's sandbox. */
export async function serveMcpStdio(options: McpStdioOptions): Promise<void> {
  const { box, version, logger, signal } = options;
  const ended = Promise.withResolvers<void>();
  const transport = new EndingTransport(options.input, options.output, ended.resolve);
  await using sandboxes = new OwnSandbox(box);
  const handle = serveStdio(() => buildMcpServer({ box, sandboxes, version, logger }), {
    transport,
    maxSubscriptions: 0, // nothing that we serve is announced
    onerror: (error) => logger.warn({ error: String(error) }, "MCP over stdio"),
  });
  signal.addEventListener("abort", () => ended.resolve(), { once: true });
  if (signal.aborted) ended.resolve();
  await ended.promise;
  await handle.close();
}

/** Tells when it is closed, by whichever side. */
class EndingTransport extends StdioServerTransport {
  readonly #ended: () => void;

  constructor(input: Readable, output: Writable, ended: () => void) {
    super(input, output, { maxBufferSize: MCP_LIMITS.stdioBytes });
    this.#ended = ended;
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      this.#ended();
    }
  }
}
