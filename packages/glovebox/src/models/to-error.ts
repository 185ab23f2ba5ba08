import { APICallError } from "@ai-sdk/provider";
import { GloveboxError, isGloveboxError } from "../core/index.ts";

const MAX_MESSAGE_CHARS = 500;
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What went wrong with a model, in our terms. `partial`: the text that had come. Keys and bodies of requests stay out. */
export function toModelError(
  thrown: unknown,
  context: { readonly provider: string; readonly signal: AbortSignal | undefined; readonly partial: string },
): GloveboxError {
  const { provider, signal, partial } = context;
  if (signal?.aborted === true) {
    return isGloveboxError(signal.reason)
      ? signal.reason
      : new GloveboxError("cancelled", `${provider} was not waited for`, { cause: thrown });
  }
  const cause = ownErrorIn(thrown);
  const details = { provider, ...(partial === "" ? {} : { partial }) };
  if (cause !== undefined) {
    const retryable = cause.code === "timeout" || cause.details?.retryable === true;
    return new GloveboxError(cause.code, `${provider}: ${cause.message}`, {
      details: { ...details, retryable },
      cause: thrown,
    });
  }
  if (!APICallError.isInstance(thrown) && statusOf(thrown) === undefined) {
    return new GloveboxError("model_unavailable", `${provider} does not answer: ${said(thrown)}`, {
      details: { ...details, retryable: true },
      cause: thrown,
    });
  }
  return refused(thrown, provider, details);
}

function refused(thrown: unknown, provider: string, details: Readonly<Record<string, unknown>>): GloveboxError {
  const status = statusOf(thrown);
  const message = `${provider} says ${status ?? "nothing"}: ${said(thrown)}`;
  const all = { ...details, ...(status === undefined ? {} : { status }) };
  if (status === 429) {
    const retryAfterMs = retryAfter(thrown);
    const known = { ...all, retryable: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    return new GloveboxError("rate_limited", message, { details: known, cause: thrown });
  }
  if (status === 401 || status === 403) {
    return new GloveboxError("permission_denied", message, { details: all, cause: thrown });
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 409) {
    return new GloveboxError("invalid_argument", message, { details: all, cause: thrown });
  }
  return new GloveboxError("model_unavailable", message, { details: { ...all, retryable: true }, cause: thrown });
}

/** Our own error, however deep the library wrapped it. */
function ownErrorIn(thrown: unknown, depth = 0): GloveboxError | undefined {
  if (isGloveboxError(thrown)) return thrown;
  if (!(thrown instanceof Error) || depth > 8) return undefined;
  return ownErrorIn(thrown.cause, depth + 1);
}

/** Of the library's error, and of those of the Ollama client, which has a class of its own. */
function statusOf(thrown: unknown, depth = 0): number | undefined {
  if (APICallError.isInstance(thrown)) return thrown.statusCode;
  if (!(thrown instanceof Error) || depth > 8) return undefined;
  const { status_code: status } = thrown as { readonly status_code?: unknown };
  return typeof status === "number" ? status : statusOf(thrown.cause, depth + 1);
}

function said(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? ` (${thrown.cause.message})` : "";
  return (message + cause).slice(0, MAX_MESSAGE_CHARS);
}

function retryAfter(thrown: unknown): number | undefined {
  if (!APICallError.isInstance(thrown)) return undefined;
  const seconds = Number(thrown.responseHeaders?.["retry-after"]);
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
}
