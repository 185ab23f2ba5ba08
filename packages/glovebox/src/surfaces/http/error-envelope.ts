import { type ErrorBody, GloveboxError, isGloveboxError, type Redactor } from "../../core/index.ts";
import { ERROR_STATUS } from "../error-status.ts";

export interface ErrorEnvelope {
  readonly error: ErrorBody & { readonly requestId: string; readonly traceId: string };
}

/** Whether the error is the server's own fault, which is logged; what clients see of it then says nothing of the inside. */
export function isServerFault(error: GloveboxError): boolean {
  return error.code === "internal" || error.code === "store_failed";
}

/** `redactor`: masks what messages and details quote of requests and programs. */
export function toEnvelope(
  error: GloveboxError,
  requestId: string,
  traceId: string,
  redactor?: Redactor,
): ErrorEnvelope {
  const body: ErrorBody =
    error.code === "internal"
      ? { code: "internal", message: "internal error; the server's log has it" }
      : error.toBody();
  return { error: { ...(redactor?.redactJson(body) ?? body), requestId, traceId } };
}

export function httpStatusOf(error: GloveboxError): number {
  return ERROR_STATUS[error.code].http;
}

/** Seconds for `Retry-After`, where the error says how long to wait. */
export function retryAfterSeconds(error: GloveboxError): number | undefined {
  const ms = error.details?.retryAfterMs;
  return typeof ms === "number" && Number.isFinite(ms) ? Math.max(1, Math.ceil(ms / 1000)) : undefined;
}

/** Fastify's own refusals, as ours. Everything unknown becomes `internal` and keeps its cause for the log. */
export function fromFrameworkError(error: unknown): GloveboxError {
  if (isGloveboxError(error)) return error;
  const { code, message, statusCode } = readError(error);
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new GloveboxError("payload_too_large", "the request's body is too large", { cause: error });
  }
  if (code === "FST_ERR_CTP_INVALID_CONTENT_LENGTH") {
    return new GloveboxError("invalid_argument", "the body's length is not what Content-Length says", { cause: error });
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new GloveboxError("invalid_argument", "the body must be JSON: send Content-Type: application/json", {
      cause: error,
      details: { in: "header", path: "content-type" },
    });
  }
  if (code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE") {
    return new GloveboxError("cancelled", "the client went away", { cause: error });
  }
  if (code.startsWith("FST_ERR_") && statusCode >= 400 && statusCode < 500) {
    return new GloveboxError("invalid_argument", message, { cause: error });
  }
  return new GloveboxError("internal", message, { cause: error });
}

function readError(error: unknown): { code: string; message: string; statusCode: number } {
  if (!(error instanceof Error)) return { code: "", message: String(error), statusCode: 0 };
  const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown };
  return {
    code: typeof code === "string" ? code : "",
    message: error.message,
    statusCode: typeof statusCode === "number" ? statusCode : 0,
  };
}
