/** The closed list of error codes: the same as the server's. */
export const ERROR_CODES = [
  "invalid_argument",
  "invalid_path",
  "language_unavailable",
  "module_not_allowed",
  "filters_invalid",
  "unauthenticated",
  "permission_denied",
  "policy_denied",
  "not_found",
  "method_not_allowed",
  "conflict",
  "already_exists",
  "version_conflict",
  "session_busy",
  "session_not_ready",
  "template_in_use",
  "payload_too_large",
  "limits_unenforceable",
  "not_supported_by_isolation",
  "isolation_unavailable",
  "workspace_invalid",
  "startup_failed",
  "snapshot_corrupt",
  "snapshot_incompatible",
  "journal_corrupt",
  "journal_mismatch",
  "rate_limited",
  "resource_exhausted",
  "queue_full",
  "budget_exceeded",
  "cancelled",
  "timeout",
  "deadline_exceeded",
  "test_failed",
  "store_failed",
  "internal",
  "unavailable",
  "model_unavailable",
  "forge_unavailable",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface GloveboxErrorOptions {
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The one error class of the SDK. What the caller aborts rejects with the signal's own reason instead. */
export class GloveboxError extends Error {
  override readonly name = "GloveboxError";
  readonly code: ErrorCode;
  /** The HTTP status, where an answer came at all. */
  readonly status: number | undefined;
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** How long the server asks to wait before trying again. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: GloveboxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.requestId = options.requestId;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Tells whether `error` is a {@link GloveboxError}, of the given code when one is named. */
export function isGloveboxError(error: unknown, code?: ErrorCode): error is GloveboxError {
  return error instanceof GloveboxError && (code === undefined || error.code === code);
}
