import { once } from "node:events";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type GloveboxError, isGloveboxError, type Redactor } from "../../core/index.ts";
import { fromFrameworkError, toEnvelope } from "./error-envelope.ts";
import { traceIdOf } from "./request-identity.ts";

export interface SseFrame {
  /** For `Last-Event-ID`. */
  readonly id?: number;
  /** Without it, a plain message. */
  readonly event?: string;
  /** Sent as JSON. */
  readonly data?: unknown;
  /** One line that is sent as it is, instead of `data`. */
  readonly raw?: string;
}

export interface SseOptions {
  /** Milliseconds without a frame after which a comment is sent, so that proxies keep the connection. */
  readonly heartbeatMs: number;
  /** Aborts when the client is gone or the server drains; the stream then ends. */
  readonly signal: AbortSignal;
  /** Masks secrets in the error that may end the stream. */
  readonly redactor?: Redactor | undefined;
}

/** Takes the reply over and sends each frame as it comes. A slow client only makes the source read later. Never rejects. */
export async function sendEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  frames: AsyncIterable<SseFrame>,
  options: SseOptions,
): Promise<void> {
  const raw = reply.raw;
  reply.hijack();
  raw.writeHead(200, {
    ...plainHeaders(reply),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();
  if (request.method === "HEAD") {
    raw.end();
    return;
  }
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(": heartbeat\n\n");
  }, options.heartbeatMs);
  heartbeat.unref();
  try {
    raw.write("retry: 1000\n\n");
    for await (const frame of frames) {
      heartbeat.refresh();
      if (raw.destroyed) return;
      if (!raw.write(encodeFrame(frame))) await drained(raw, options.signal);
    }
  } catch (error) {
    if (!raw.destroyed && !options.signal.aborted) raw.write(encodeFrame(errorFrame(request, error, options.redactor)));
  } finally {
    clearInterval(heartbeat);
    if (!raw.destroyed) raw.end();
  }
}

export function encodeFrame(frame: SseFrame): string {
  const id = frame.id === undefined ? "" : `id: ${frame.id}\n`;
  const event = frame.event === undefined ? "" : `event: ${frame.event}\n`;
  return `${id}${event}data: ${frame.raw ?? JSON.stringify(frame.data)}\n\n`;
}

function errorFrame(request: FastifyRequest, error: unknown, redactor: Redactor | undefined): SseFrame {
  const known: GloveboxError = isGloveboxError(error) ? error : fromFrameworkError(error);
  const traceId = traceIdOf(request.headers.traceparent, request.id);
  return { event: "error", data: toEnvelope(known, request.id, traceId, redactor) };
}

async function drained(raw: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([once(raw, "drain", { signal: stop.signal }), once(raw, "close", { signal: stop.signal })]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    stop.abort();
  }
}

/** Headers that hooks have set so far: a reply that is taken over does not send them by itself. */
export function plainHeaders(reply: FastifyReply): Record<string, string | number | string[]> {
  const headers: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value;
  return headers;
}
