import type { PageRequest } from "./page.ts";

/** What was done or refused, in its place in the tenant's chain. */
export interface AuditRecord {
  /** From 1, without holes. */
  readonly seq: number;
  readonly ts: string;
  readonly tenantId: string;
  /** A token's id, `session:<id>`, `anonymous` or `server`. */
  readonly principal: string;
  /** An operation's id, or what happened: `authentication`, `egress.connect`, …. */
  readonly action: string;
  readonly resource: { readonly kind: string; readonly id?: string };
  readonly decision: "allow" | "deny";
  readonly reasons: readonly string[];
  readonly requestId?: string;
  readonly traceId?: string;
  readonly prevHash: string;
  /** SHA-256, hex, of the canonical JSON (RFC 8785) of all other fields. */
  readonly hash: string;
}

export interface AuditFilter extends PageRequest {
  readonly principal?: string | undefined;
  readonly action?: string | undefined;
  readonly decision?: "allow" | "deny" | undefined;
  readonly resourceKind?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly requestId?: string | undefined;
  /** At or after, and before; RFC 3339. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface AuditVerification {
  readonly ok: boolean;
  /** Records that were found right. */
  readonly entries: number;
  /** What the oldest record hangs on. */
  readonly after?: { readonly seq: number; readonly hash: string };
  /** The newest record that is right. Kept elsewhere, it tells later whether the end was cut off. */
  readonly head?: { readonly seq: number; readonly hash: string };
  /** The first that is wrong. */
  readonly bad?: { readonly seq: number; readonly reason: string };
}
