import type { ExecutionInput } from "../../../core/index.ts";
import type { HandlerContext } from "../options.ts";
import { type Outcome, outcomeOf } from "./executions.ts";

/** Runs something in a session and waits for its end. A client that goes away (the signal) cancels it. */
export async function runInSession(
  context: HandlerContext,
  where: { readonly tenantId: string; readonly sessionId: string; readonly signal: AbortSignal },
  input: ExecutionInput,
): Promise<Outcome> {
  const { tenantId, sessionId, signal } = where;
  signal.throwIfAborted();
  const { executions } = context.services;
  const { execution, finished } = await executions.start(tenantId, sessionId, { stdin: "", ...input });
  const onAbort = () => void executions.cancel(tenantId, execution.id).catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await outcomeOf(context, tenantId, execution.id, finished);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
