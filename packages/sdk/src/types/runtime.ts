import type { Isolation, Language } from "./isolation.ts";
import type { SessionLimits } from "./limits.ts";
import type { Role } from "./token.ts";

/** What an isolation can do. */
export interface DriverCapabilities {
  readonly snapshot: "none" | "files" | "memory";
  readonly fork: "none" | "files" | "memory";
  readonly pause: boolean;
  readonly tty: boolean;
  readonly network: boolean;
  /** Whether it runs programs, or only code in its kernels. */
  readonly programs: boolean;
  /** Whether its sandboxes live on when the server dies. */
  readonly outlivesServer: boolean;
  readonly workspace: "host" | "guest";
  readonly languages: readonly Language[];
  readonly limits: readonly (keyof SessionLimits)[];
}

/** Which isolations and languages work on the server's machine, and why not. */
export interface DoctorReport {
  readonly node: string;
  readonly platform: string;
  readonly kvm: boolean;
  readonly kvmReason?: string;
  readonly isolations: readonly {
    readonly name: Isolation;
    readonly available: boolean;
    readonly version?: string;
    readonly reason?: string;
    readonly capabilities?: DriverCapabilities;
    /** Milliseconds from asking for a sandbox to the first answer of a program in it. */
    readonly startMs?: number;
    /** What works less well here than it could. */
    readonly notes?: readonly string[];
  }[];
  readonly languages: readonly {
    readonly name: Language;
    readonly version: string;
    readonly isolations: readonly Isolation[];
  }[];
  /** The isolation that sessions get which name none, and why it. */
  readonly default?: Isolation;
  readonly why?: string;
  readonly ok: boolean;
}

export interface Summary {
  readonly version: string;
  readonly uptimeMs: number;
  readonly tenantId: string;
  readonly sessions: {
    readonly total: number;
    readonly live: number;
    readonly byStatus: Readonly<Record<string, number>>;
  };
  readonly executions: {
    readonly byStatus: Readonly<Record<string, number>>;
    readonly queued: number;
    readonly running: number;
  };
  readonly memory: {
    readonly rssBytes: number;
    readonly hostTotalBytes: number;
    readonly hostFreeBytes: number;
  };
}

/** Effective configuration and where each value comes from. */
export interface ConfigReport {
  readonly file?: string;
  readonly values: readonly {
    readonly key: string;
    readonly value?: unknown;
    readonly source: "default" | "file" | "environment" | "flag";
  }[];
}

/** Whom the token stands for. */
export interface Whoami {
  readonly tenantId: string;
  readonly tokenId: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly root: boolean;
}

/** Days to keep, per kind; `null` keeps for ever. */
export interface RetentionPolicy {
  readonly events: number | null;
  readonly executions: number | null;
  readonly closedSessions: number | null;
  readonly runs: number | null;
}

/** What a sweep removed, or would remove. */
export interface SweepReport {
  readonly events: number;
  readonly executions: number;
  readonly closedSessions: number;
  readonly runs: number;
}
