import type { IncomingMessage, ServerResponse } from "node:http";
import { GloveboxError, toGloveboxError } from "../../core/index.ts";

/** Of a request's JSON, bytes. */
const MAX_BODY = 65_536;

/** Errors in the words and statuses of Twirp: https://twitchtv.github.io/twirp/docs/errors.html. One for which trying again does not help has no status that clients try again. */
const CODES: Readonly<Record<string, readonly [code: string, status: number]>> = {
  invalid_argument: ["invalid_argument", 400],
  invalid_path: ["invalid_argument", 400],
  workspace_invalid: ["invalid_argument", 400],
  payload_too_large: ["out_of_range", 400],
  resource_exhausted: ["resource_exhausted", 403],
  unauthenticated: ["unauthenticated", 401],
  permission_denied: ["permission_denied", 403],
  not_found: ["not_found", 404],
  already_exists: ["already_exists", 409],
  unavailable: ["unavailable", 503],
};

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** Says what went wrong; nothing of this machine is in it. */
export function sendError(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const error = toGloveboxError(thrown);
  const [code, status] = CODES[error.code] ?? ["internal", 500];
  // What is left of a body that nobody reads must not be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  sendJson(response, status, { code, msg: status === 500 ? "the service failed" : error.message });
}

/** The text of a request's body. `payload_too_large` beyond `maxBytes`. */
export async function readText(request: IncomingMessage, maxBytes = MAX_BODY): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new GloveboxError("payload_too_large", `a body of more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Errors: `invalid_argument`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GloveboxError("invalid_argument", "the body is no JSON", { cause });
  }
}
