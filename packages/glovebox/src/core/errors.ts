/**
 * The closed list of error codes. A surface maps each to its own status in one table
 * (`surfaces/error-status.ts`); adding a code here makes that table fail to compile.
 */
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

/** What a client sees of an error. `details` is JSON and never holds a stack or a secret. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of the domain. Anything else that reaches a surface becomes `internal`. */
export class GloveboxError extends Error {
  override readonly name = "GloveboxError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { details?: Readonly<Record<string, unknown>>; cause?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options?.details;
  }

  toBody(): ErrorBody {
    return this.details === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, details: this.details };
  }
}

/** Tells whether `error` is a {@link GloveboxError}, of the given code when one is named. */
export function isGloveboxError(error: unknown, code?: ErrorCode): error is GloveboxError {
  return error instanceof GloveboxError && (code === undefined || error.code === code);
}

/** Wraps what is not yet a {@link GloveboxError}; the original stays reachable as `cause`. */
export function toGloveboxError(error: unknown, code: ErrorCode = "internal"): GloveboxError {
  if (error instanceof GloveboxError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GloveboxError(code, message, { cause: error });
}
