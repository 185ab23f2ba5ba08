import type { Isolation, Language } from "./isolation.ts";
import type { AppliedLimit, SessionLimits, Some } from "./limits.ts";
import type { PageRequest } from "./page.ts";

export type SessionStatus = "starting" | "ready" | "paused" | "crashed" | "closing" | "closed" | "lost";

export type WorkspaceInput =
  | { readonly kind: "empty" }
  /** A copy of a folder on the server's host; only for the root token. */
  | { readonly kind: "dir"; readonly source: string }
  /** A git repository on the server's host (a path or file:// URL) at `ref`. */
  | { readonly kind: "git"; readonly source: string; readonly ref?: string | undefined }
  /** A tar archive, base64. */
  | { readonly kind: "archive"; readonly source: string };

export interface SessionInput {
  /** A template's id or name. Without it, the ready-made one that fits `isolation` and `languages`. */
  readonly template?: string | undefined;
  readonly isolation?: Isolation | undefined;
  readonly languages?: readonly Language[] | undefined;
  readonly key?: string | undefined;
  /** With `key`: return the open session that has it. */
  readonly reuse?: boolean | undefined;
  readonly workspace?: WorkspaceInput | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Some<SessionLimits> | undefined;
  readonly allowPartial?: boolean | undefined;
  /** Prepare it for fast forks, where that makes a difference. Default: as the template says. */
  readonly forkable?: boolean | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly maxLifetimeMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A session as the server tells of it. */
export interface SessionInfo {
  readonly id: string;
  readonly tenantId: string;
  readonly key?: string;
  readonly templateId: string;
  readonly templateVersion: number;
  readonly isolation: Isolation;
  readonly status: SessionStatus;
  readonly workspace: {
    readonly kind: "empty" | "dir" | "git" | "archive";
    readonly source?: string;
    readonly baseCommit?: string;
  };
  readonly limitsApplied: readonly AppliedLimit[];
  readonly languages: readonly Language[];
  readonly env: Readonly<Record<string, string>>;
  readonly nodeId: string;
  readonly createdAt: string;
  readonly readyAt?: string;
  readonly lastActivityAt: string;
  readonly expiresAt?: string;
  readonly idleTimeoutMs: number;
  readonly closedAt?: string;
  readonly closedBy?: string;
  readonly restartReason?: string;
  readonly lastError?: { readonly code: string; readonly message: string };
  readonly parentSessionId?: string;
  readonly forkedFromSnapshotId?: string;
  readonly forkable?: boolean;
  /** Its programs reach what the server itself offers them, whatever the template's network. */
  readonly services?: true;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface PauseOptions {
  /** Give the memory back, too, and keep everything on disk. Default: it only stops using CPU. */
  readonly release?: boolean | undefined;
}

export interface SessionStats {
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly pids: number;
  readonly diskBytes: number;
  readonly limits: readonly AppliedLimit[];
}

export interface SessionFilter extends PageRequest {
  readonly status?: SessionStatus | readonly SessionStatus[] | undefined;
  /** A template's id or name. */
  readonly template?: string | undefined;
  readonly key?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}
