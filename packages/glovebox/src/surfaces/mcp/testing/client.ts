import { type CallToolResult, Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** For tests: the official client, connected over streamable HTTP. */
export interface ConnectedClient extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** Calls a tool; fails the test's expectations where it answers an error that was not asked for. */
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult & { structuredContent: Structured }>;
}

export interface Structured {
  readonly [name: string]: unknown;
  readonly session: string;
}

/** `era`: the protocol with sessions (`legacy`, what clients speak by default), or the one without. */
export async function connectClient(
  server: { readonly url: string; readonly root: string },
  options: { readonly token?: string; readonly era?: "legacy" | "modern" } = {},
): Promise<ConnectedClient> {
  const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${options.token ?? server.root}` } },
  });
  const mode = options.era === "modern" ? { pin: "2026-07-28" } : "legacy";
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(transport);
  return {
    client,
    transport,
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as never,
    [Symbol.asyncDispose]: async () => {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

export function textOf(result: CallToolResult): string {
  return result.content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}
