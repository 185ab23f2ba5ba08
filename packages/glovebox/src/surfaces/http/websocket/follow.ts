import type { WebSocket } from "@fastify/websocket";
import type { executionOperations } from "../../operations/executions.ts";
import type { Call } from "../call.ts";
import type { HandlerContext } from "../options.ts";
import { CLOSE, sendJson } from "./connection.ts";

type Follow = Omit<Call<(typeof executionOperations)["executions.follow"]>, "reply" | "body">;

/**
 * `{type: "event", event}` for each event after `afterSeq`, then `{type: "end", execution}` and the close. A client that lost its
 * connection comes again with the last `seq` that it saw.
 */
export async function followExecution(context: HandlerContext, call: Follow, socket: WebSocket): Promise<void> {
  const { executions } = context.services;
  const { tenantId } = call.principal;
  const { id } = call.params;
  await executions.get(tenantId, id);
  const options = { afterSeq: call.query.afterSeq ?? 0, signal: call.signal };
  for await (const event of executions.follow(tenantId, id, options)) {
    await sendJson(socket, { type: "event", event }, call.signal);
    if (call.signal.aborted) break;
  }
  if (call.signal.aborted) {
    socket.close(CLOSE.goingAway, "reconnect with afterSeq");
    return;
  }
  await sendJson(socket, { type: "end", execution: await executions.wait(tenantId, id, call.signal) }, call.signal);
  socket.close(CLOSE.normal);
}
