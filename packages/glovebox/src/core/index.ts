/** The words that every room shares. Types only where a zod schema stands behind them: see `schemas.ts`. */
export {
  type Authentication,
  type Authorizer,
  type Decision,
  type RateLimiter,
  type Resource,
  ROLE_ORDER,
  type TokenPage,
  type TokenService,
} from "./access.ts";
export type { AuditEntry, AuditSink } from "./audit.ts";
export { canonicalJson } from "./canonical-json.ts";
export type {
  CiAnnotation,
  CiConclusion,
  CiEvent,
  CiJob,
  CiRun,
  CiSource,
  CiStatus,
  CiStep,
} from "./ci-run.ts";
export { type Clock, systemClock, toTimestamp } from "./clock.ts";
export type {
  Approval,
  ApprovalStatus,
  Conversation,
  ConversationTurn,
  ModelMessage,
  ToolCall,
} from "./conversation.ts";
export { DEFAULT_LIMITS } from "./default-limits.ts";
export {
  type BoundSecret,
  type Egress,
  type EgressDecision,
  type EgressGate,
  type EgressSpec,
  type Outside,
  PROXY_PORT,
  type SandboxConnection,
  type SandboxService,
  SERVICES_DOMAIN,
  TRUST,
} from "./egress.ts";
export {
  ERROR_CODES,
  type ErrorBody,
  type ErrorCode,
  GloveboxError,
  isGloveboxError,
  toGloveboxError,
} from "./errors.ts";
export type { EventPayload, EventType, NewEvent, OutputPayload, StoredEvent, StreamKind, StreamRef } from "./event.ts";
export type {
  Execution,
  ExecutionInput,
  ExecutionKind,
  ExecutionMetrics,
  ExecutionStatus,
  FinalStatus,
} from "./execution.ts";
export { idTimeMs, isId, newId } from "./ids.ts";
export type { Isolation, Language } from "./isolation.ts";
export type { Lesson } from "./lesson.ts";
export type { AppliedLimit, ExecutionLimits, LimitName, Limits, SessionLimits } from "./limits.ts";
export {
  type Counted,
  type Metrics,
  MODEL_PROVIDER_KINDS,
  noMetrics,
  type Sample,
  type Timed,
  timing,
  type Watched,
} from "./metrics.ts";
export type { Pool, PoolChange, PoolMiss, PoolSpec } from "./pool.ts";
export { type Logger, type Redactor, type RedactorStream, silentLogger } from "./ports.ts";
export type { Repository, RepositoryForge } from "./repository.ts";
export type { Budget, Run, RunStatus, RunWait, Usage } from "./run.ts";
export type { SealedValueInfo, SealedValues } from "./sealed-values.ts";
export type { Session, SessionInput, SessionStatus, WorkspaceInput } from "./session.ts";
export type { Snapshot, SnapshotChange, SnapshotInput, SnapshotOrigin } from "./snapshot.ts";
export { isFinal, LIVE_SESSION_STATUSES, STATUS_EXIT_CODES } from "./statuses.ts";
export { hasTarSize } from "./tar-size.ts";
export type {
  Capability,
  NetworkSpec,
  Resolver,
  Runtime,
  StartupFile,
  Template,
  TemplateInput,
  TemplatePatch,
} from "./template.ts";
export type { Principal, Role, Token, TokenInput } from "./token.ts";
