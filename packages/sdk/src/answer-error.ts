import { ERROR_CODES, type ErrorCode, GloveboxError } from "./errors.ts";

const KNOWN: ReadonlySet<string> = new Set(ERROR_CODES);

/** At most this much of an error's body is read. */
const MAX_BODY = 1_048_576;

/** The error that a failed answer stands for, also when it comes from a proxy that knows nothing of our codes. */
export async function errorOfAnswer(response: Response): Promise<GloveboxError> {
  const body = parse(await bodyText(response));
  const code = codeOf(body);
  const details = isRecord(body.details) ? body.details : undefined;
  return new GloveboxError(
    code ?? codeOfStatus(response.status),
    typeof body.message === "string" ? body.message : `the server answered ${response.status}`,
    {
      status: response.status,
      requestId: response.headers.get("x-request-id") ?? undefined,
      details,
      retryAfterMs: retryAfter(response, body, details),
    },
  );
}

/** The error that a live stream ended with, from the data of its `error` message. */
export function errorOfMessage(data: string): GloveboxError {
  const body = parse(data);
  const requestId = typeof body.requestId === "string" ? body.requestId : undefined;
  const message = typeof body.message === "string" ? body.message : "the server ended the stream with an error";
  const details = isRecord(body.details) ? body.details : undefined;
  return new GloveboxError(codeOf(body) ?? "internal", message, { requestId, details });
}

function codeOf(body: Record<string, unknown>): ErrorCode | undefined {
  return typeof body.code === "string" && KNOWN.has(body.code) ? (body.code as ErrorCode) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    if (!isRecord(body)) return {};
    return isRecord(body.error) ? body.error : body;
  } catch {
    return {};
  }
}

async function bodyText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
      if (text.length > MAX_BODY) {
        await reader.cancel();
        return text;
      }
    }
  } catch {
    return text; // the connection broke inside the error: its status still says what it was
  }
}

function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 400:
      return "invalid_argument";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
      return "payload_too_large";
    case 429:
      return "rate_limited";
    case 502:
    case 503:
      return "unavailable";
    case 504:
      return "deadline_exceeded";
    default:
      return status >= 500 ? "internal" : "invalid_argument";
  }
}

function retryAfter(
  response: Response,
  body: Record<string, unknown>,
  details: Readonly<Record<string, unknown>> | undefined,
): number | undefined {
  for (const value of [body.retryAfterMs, details?.retryAfterMs]) {
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  }
  const header = response.headers.get("retry-after");
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
