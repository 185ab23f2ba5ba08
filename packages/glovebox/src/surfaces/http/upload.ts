import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { GloveboxError } from "../../core/index.ts";

/** The request's body as it arrives, in bounded memory. `payload_too_large` at once when Content-Length says so, else on the way. */
export function limitedUpload(request: FastifyRequest, maxBytes: number): AsyncIterable<Uint8Array> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  return counted(request.raw, maxBytes);
}

async function* counted(source: Readable, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  // A reader that gives up must not destroy the connection on which the answer still has to go out.
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/**
 * After the answer: what the client still sends is read and dropped, whoever stopped reading it, so that the client gets to the answer
 * and the connection to its next request.
 */
export function dropRest(request: FastifyRequest): void {
  if (request.raw.readableEnded) return;
  request.raw.removeAllListeners("readable");
  request.raw.resume();
}

function tooLarge(maxBytes: number): GloveboxError {
  return new GloveboxError("payload_too_large", `at most ${maxBytes} bytes may be uploaded at once`, {
    details: { maxBytes },
  });
}
