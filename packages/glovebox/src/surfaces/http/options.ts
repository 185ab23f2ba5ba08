import type { AgentService, FlowService } from "../../agents/index.ts";
import type { ChatServices } from "../../chat/index.ts";
import type { CiInsights, CiService, CiTranslate, RepositoryService, WebhookIntake } from "../../ci/index.ts";
import type { ContextStore } from "../../context/index.ts";
import {
  type Authorizer,
  type Clock,
  type Egress,
  GloveboxError,
  type Logger,
  type Principal,
  type Redactor,
  type TokenService,
} from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";
import type { AuditLog, SecretService } from "../../governance/index.ts";
import type { Images } from "../../sandbox/images/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { Store } from "../../store/index.ts";
import type { ServerMetrics } from "../../telemetry/index.ts";
import type { ConfigReport, DoctorReport } from "../operations/index.ts";

/** What the HTTP surface is held to. Sizes in bytes, times in milliseconds. */
export interface HttpSettings {
  /** The most a JSON body may have. */
  readonly bodyBytes: number;
  /** The most an uploaded file or archive may have. */
  readonly uploadBytes: number;
  /** For the headers of a request to arrive. */
  readonly headersTimeoutMs: number;
  /** For a whole request, with its body, to arrive. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Quiet time after which live streams send a comment. */
  readonly heartbeatMs: number;
  /** What running requests get to end when the server stops. */
  readonly shutdownGraceMs: number;
  /** Origins that browsers may call from; empty means none but our own. */
  readonly corsOrigins: readonly string[];
  /** Whether `/docs` is served. */
  readonly docs: boolean;
}

export interface HttpServerOptions {
  readonly services: SessionServices;
  readonly runs: DurableEngine;
  /** Without it, its operations are `unavailable`. */
  readonly chat?: ChatServices;
  /** Without it, its operations are `unavailable`. */
  readonly ci?: CiService;
  /** Without it, its operation is `unavailable`. */
  readonly insights?: Pick<CiInsights, "of">;
  /** Without it, its operation is `unavailable`. */
  readonly translate?: CiTranslate;
  /** Without it, its operations are `unavailable`. */
  readonly context?: ContextStore;
  /** Without it, its operations are `unavailable`. */
  readonly repositories?: RepositoryService;
  /** Without it, forges' deliveries are `unavailable`. */
  readonly webhooks?: WebhookIntake;
  /** Without it, its operations are `unavailable`. */
  readonly agents?: AgentService;
  /** Without it, its operations are `unavailable`. */
  readonly flows?: FlowService;
  readonly store: Pick<Store, "idempotency" | "maintenance" | "events">;
  readonly tokens: TokenService;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Masks secrets in the errors that are answered. */
  readonly redactor?: Redactor;
  readonly settings: HttpSettings;
  readonly version: string;
  /** Whom requests from this machine without a token stand for; only where the user asked for it. */
  readonly loopbackPrincipal?: Principal;
  /** Proves each isolation; `fresh` asks again instead of answering from what is known. */
  readonly doctor: (options: { readonly fresh: boolean }) => Promise<DoctorReport>;
  readonly configReport: () => ConfigReport;
  /** Where every change, failed authentication and refusal is recorded. Without it nothing is, and its operations are `unavailable`. */
  readonly audit?: AuditLog;
  /** Without it, its operations are `unavailable`. */
  readonly secrets?: SecretService;
  /** Answers what would be let out; without it that operation is `unavailable`. */
  readonly egress?: Pick<Egress, "explain">;
  /** Root images; without them their operations are `unavailable`. */
  readonly images?: Images;
  /** Is told of requests; without it nothing is, and its operation is `unavailable`. */
  readonly metrics?: ServerMetrics;
  /** For files that pass through, such as backups. */
  readonly tempDir: string;
}

/** What every handler sees. */
export interface HandlerContext extends HttpServerOptions {
  /** Aborts when the server begins to stop: live streams and waits end, other requests go on. */
  readonly draining: AbortSignal;
}

type OptionalPart =
  | "agents"
  | "flows"
  | "context"
  | "audit"
  | "secrets"
  | "egress"
  | "chat"
  | "ci"
  | "insights"
  | "translate"
  | "repositories"
  | "webhooks"
  | "images"
  | "metrics";

/** A part that a server may be without. */
export function partOf<K extends OptionalPart>(context: HandlerContext, part: K): NonNullable<HandlerContext[K]> {
  const found = context[part];
  if (found == null) throw new GloveboxError("unavailable", `this server has no ${part}`);
  return found;
}
