import { once } from "node:events";
import type { WebSocket } from "@fastify/websocket";
import { isGloveboxError, type Redactor } from "../../../core/index.ts";
import { fromFrameworkError, toEnvelope } from "../error-envelope.ts";

/** Bytes that may wait for a slow client before the source is read on. */
const HIGH_WATER = 1 << 20;
const DRAIN_CHECK_MS = 20;

/** WebSocket close codes that we use. */
export const CLOSE = { normal: 1000, goingAway: 1001, refused: 1008, failed: 1011 } as const;

/** Sends a JSON message; waits while the client is far behind, and ends when the signal aborts. */
export async function sendJson(socket: WebSocket, message: unknown, signal: AbortSignal): Promise<void> {
  await sendFrame(socket, JSON.stringify(message), signal);
}

export async function sendFrame(socket: WebSocket, data: string | Uint8Array, signal: AbortSignal): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(data);
  while (socket.bufferedAmount > HIGH_WATER && !signal.aborted && socket.readyState === socket.OPEN) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  }
}

/** A signal for one connection: aborts when the socket closes or the server drains. Pings, so that a dead peer is found. */
export function connectionSignal(socket: WebSocket, draining: AbortSignal, heartbeatMs: number): AbortSignal {
  const gone = new AbortController();
  let alive = true;
  const ping = setInterval(() => {
    if (!alive) socket.terminate();
    alive = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, heartbeatMs);
  ping.unref();
  socket.on("pong", () => {
    alive = true;
  });
  socket.on("error", () => socket.terminate());
  void once(socket, "close").then(
    () => {
      clearInterval(ping);
      gone.abort();
    },
    () => undefined,
  );
  return AbortSignal.any([gone.signal, draining]);
}

/** Tells the client what went wrong, in the envelope of every other surface, and closes. */
export function closeWithError(
  socket: WebSocket,
  error: unknown,
  { requestId, traceId, redactor }: { requestId: string; traceId: string; redactor: Redactor | undefined },
): void {
  if (socket.readyState !== socket.OPEN) return;
  const known = isGloveboxError(error) ? error : fromFrameworkError(error);
  socket.send(JSON.stringify({ type: "error", ...toEnvelope(known, requestId, traceId, redactor) }));
  socket.close(known.code === "internal" ? CLOSE.failed : CLOSE.refused, known.code);
}
