import type { FastifyRequest } from "fastify";

/** Headers for a browser on a page of one of the listed origins; none for any other, which the browser then keeps out. */
export function corsHeaders(request: FastifyRequest, origins: readonly string[], allow?: string): [string, string][] {
  if (origins.length === 0) return [];
  const { origin } = request.headers;
  const headers: [string, string][] = [["vary", "origin"]];
  if (origin === undefined || !origins.includes(origin)) return headers;
  headers.push(
    ["access-control-allow-origin", origin],
    ["access-control-expose-headers", "x-request-id, etag, retry-after, x-content-sha256, content-range"],
  );
  if (allow === undefined) return headers;
  headers.push(
    ["access-control-allow-methods", allow],
    [
      "access-control-allow-headers",
      "authorization, x-api-key, content-type, idempotency-key, if-match, if-none-match, last-event-id, range, traceparent, x-request-id",
    ],
    ["access-control-max-age", "600"],
  );
  return headers;
}
