import { GloveboxError } from "../../core/index.ts";

/** When GitHub says nothing better: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
const SECONDARY_LIMIT_MS = 60_000;
const MAX_WAIT_MS = 3_600_000;

interface Failure {
  readonly status?: unknown;
  readonly message?: unknown;
  readonly response?: { readonly headers?: Readonly<Record<string, unknown>> };
}

/**
 * What a failed call of the API means: `rate_limited` with `details.retryAfterMs`; `permission_denied`, `not_found`, `invalid_argument` when the same
 * again fails again; else `forge_unavailable`. The message names the route and GitHub's words, never what was sent.
 */
export function apiError(route: string, error: unknown, nowMs = 0): GloveboxError {
  if (error instanceof GloveboxError) return error;
  const { status, message, response } = (typeof error === "object" && error !== null ? error : {}) as Failure;
  const headers = response?.headers ?? {};
  const words = `${route}: ${typeof message === "string" ? message.slice(0, 300) : "failed"}`;
  // A status without an answer is the library's own word for a broken connection.
  if (response === undefined) return new GloveboxError("forge_unavailable", words, { cause: error });
  if (status === 403 || status === 429) {
    const retryAfterMs = waitOf(headers, status, words, nowMs);
    if (retryAfterMs !== undefined) {
      return new GloveboxError("rate_limited", words, { details: { retryAfterMs }, cause: error });
    }
  }
  if (status === 401 || status === 403) return new GloveboxError("permission_denied", words, { cause: error });
  if (status === 404 || status === 410) return new GloveboxError("not_found", words, { cause: error });
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new GloveboxError("invalid_argument", words, { cause: error });
  }
  return new GloveboxError("forge_unavailable", words, { cause: error });
}

/** How long to wait, in the order in which GitHub says to look; `undefined` when it is no limit of the rate. */
function waitOf(
  headers: Readonly<Record<string, unknown>>,
  status: number,
  words: string,
  nowMs: number,
): number | undefined {
  const after = Number(headers["retry-after"]);
  if (headers["retry-after"] !== undefined && Number.isFinite(after)) return bounded(after * 1000);
  const reset = Number(headers["x-ratelimit-reset"]);
  if (String(headers["x-ratelimit-remaining"]) === "0" && Number.isFinite(reset)) return bounded(reset * 1000 - nowMs);
  return status === 429 || /rate limit|abuse/i.test(words) ? SECONDARY_LIMIT_MS : undefined;
}

function bounded(ms: number): number {
  return Math.min(MAX_WAIT_MS, Math.max(1000, ms));
}
