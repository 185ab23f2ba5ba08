import type { ErrorCode, GloveboxError, Redactor } from "../../../core/index.ts";
import { httpStatusOf, toEnvelope } from "../error-envelope.ts";

/** As OpenAI writes errors: https://platform.openai.com/docs/guides/error-codes. Their clients choose the class by the status and show `message`. */
export interface OpenAiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    /** The field that is wrong. */
    readonly param: string | null;
    readonly code: string | null;
  };
}

const TYPES: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthenticated: "authentication_error",
  permission_denied: "permission_error",
  policy_denied: "permission_error",
  rate_limited: "rate_limit_error",
  queue_full: "rate_limit_error",
  resource_exhausted: "rate_limit_error",
  budget_exceeded: "insufficient_quota",
};

const CODES: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthenticated: "invalid_api_key",
  rate_limited: "rate_limit_exceeded",
};

export function toOpenAiError(error: GloveboxError, requestId: string, redactor?: Redactor): OpenAiErrorBody {
  const { message, code, details } = toEnvelope(error, requestId, "", redactor).error;
  const isServers = httpStatusOf(error) >= 500;
  return {
    error: {
      message,
      type: TYPES[code] ?? (isServers ? "server_error" : "invalid_request_error"),
      param: typeof details?.path === "string" && details.path !== "" ? details.path : null,
      code: typeof details?.openAiCode === "string" ? details.openAiCode : (CODES[code] ?? code),
    },
  };
}
