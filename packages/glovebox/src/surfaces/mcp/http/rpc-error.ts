/** An answer to a request that reached no MCP server: JSON-RPC's error, without an id, and a status that says it, too. */
export function rpcError(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}

export const RPC_PARSE_ERROR = -32_700;
export const RPC_INVALID_REQUEST = -32_600;
/** The range that JSON-RPC leaves to servers. */
export const RPC_REFUSED = -32_000;
export const RPC_NO_SESSION = -32_001;
