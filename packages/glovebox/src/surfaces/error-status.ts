import type { ErrorCode } from "../core/index.ts";

/** How one error code appears on the wire. */
export interface ErrorStatus {
  readonly http: number;
  /** The name of the gRPC status; `OK` where the code only occurs inside a result. */
  readonly grpc: string;
}

/** The one table from error codes to HTTP and gRPC. A new code without an entry does not compile. */
export const ERROR_STATUS: Readonly<Record<ErrorCode, ErrorStatus>> = {
  invalid_argument: { http: 400, grpc: "INVALID_ARGUMENT" },
  invalid_path: { http: 422, grpc: "INVALID_ARGUMENT" },
  language_unavailable: { http: 422, grpc: "INVALID_ARGUMENT" },
  module_not_allowed: { http: 422, grpc: "INVALID_ARGUMENT" },
  filters_invalid: { http: 422, grpc: "INVALID_ARGUMENT" },
  unauthenticated: { http: 401, grpc: "UNAUTHENTICATED" },
  permission_denied: { http: 403, grpc: "PERMISSION_DENIED" },
  policy_denied: { http: 403, grpc: "PERMISSION_DENIED" },
  not_found: { http: 404, grpc: "NOT_FOUND" },
  method_not_allowed: { http: 405, grpc: "UNIMPLEMENTED" },
  conflict: { http: 409, grpc: "ABORTED" },
  already_exists: { http: 409, grpc: "ALREADY_EXISTS" },
  version_conflict: { http: 409, grpc: "ABORTED" },
  session_busy: { http: 409, grpc: "FAILED_PRECONDITION" },
  session_not_ready: { http: 409, grpc: "FAILED_PRECONDITION" },
  template_in_use: { http: 409, grpc: "FAILED_PRECONDITION" },
  payload_too_large: { http: 413, grpc: "RESOURCE_EXHAUSTED" },
  limits_unenforceable: { http: 422, grpc: "FAILED_PRECONDITION" },
  not_supported_by_isolation: { http: 422, grpc: "FAILED_PRECONDITION" },
  isolation_unavailable: { http: 422, grpc: "FAILED_PRECONDITION" },
  workspace_invalid: { http: 422, grpc: "FAILED_PRECONDITION" },
  startup_failed: { http: 422, grpc: "FAILED_PRECONDITION" },
  snapshot_corrupt: { http: 422, grpc: "DATA_LOSS" },
  snapshot_incompatible: { http: 422, grpc: "DATA_LOSS" },
  journal_corrupt: { http: 422, grpc: "DATA_LOSS" },
  journal_mismatch: { http: 422, grpc: "DATA_LOSS" },
  rate_limited: { http: 429, grpc: "RESOURCE_EXHAUSTED" },
  resource_exhausted: { http: 429, grpc: "RESOURCE_EXHAUSTED" },
  queue_full: { http: 429, grpc: "RESOURCE_EXHAUSTED" },
  budget_exceeded: { http: 429, grpc: "RESOURCE_EXHAUSTED" },
  cancelled: { http: 499, grpc: "CANCELLED" },
  timeout: { http: 504, grpc: "DEADLINE_EXCEEDED" },
  deadline_exceeded: { http: 504, grpc: "DEADLINE_EXCEEDED" },
  test_failed: { http: 200, grpc: "OK" },
  store_failed: { http: 500, grpc: "INTERNAL" },
  internal: { http: 500, grpc: "INTERNAL" },
  unavailable: { http: 503, grpc: "UNAVAILABLE" },
  model_unavailable: { http: 503, grpc: "UNAVAILABLE" },
  forge_unavailable: { http: 503, grpc: "UNAVAILABLE" },
};
