import type { ServerContext } from "@modelcontextprotocol/server";
import { MCP_LIMITS } from "./limits.ts";

/** Answers cannot be fetched later, so a caller whose connection is gone has no use for the work, either. */
export function signalOf(ctx: ServerContext): AbortSignal {
  const { signal } = ctx.mcpReq;
  const gone = ctx.http?.req?.signal;
  return gone === undefined ? signal : AbortSignal.any([signal, gone]);
}

/** Seconds so far, where the caller asked to be told: its timer then knows that the work goes on. */
export async function whileTelling<T>(ctx: ServerContext, what: string, work: () => Promise<T>): Promise<T> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return await work();
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const progress = Math.round((performance.now() - startedMs) / 100) / 10;
    const params = { progressToken, progress, message: `${what} for ${progress} s` };
    ctx.mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  }, MCP_LIMITS.progressMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
