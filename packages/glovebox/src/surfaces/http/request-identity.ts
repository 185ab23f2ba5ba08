import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { newId } from "../../core/index.ts";

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The client's `X-Request-Id` where it is harmless, else a new id. */
export function requestIdOf(request: Pick<IncomingMessage, "headers">): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : newId();
}

/** The trace of the client's `traceparent`; else a UUID request id is its own trace id; else a random one. */
export function traceIdOf(traceparent: string | string[] | undefined, requestId: string): string {
  const match = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent) : null;
  if (match?.[1] !== undefined) return match[1];
  return UUID.test(requestId) ? requestId.replaceAll("-", "") : randomBytes(16).toString("hex");
}
