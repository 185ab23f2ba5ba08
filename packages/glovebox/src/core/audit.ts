/** How every room reaches the audit log. Low cardinality: ids of things, never their contents. */

export interface AuditEntry {
  readonly tenantId: string;
  /** Token id, or `session:<id>` for what a sandbox did. */
  readonly principal: string;
  /** An operation's id, or `egress.connect`, `authentication`, …. */
  readonly action: string;
  readonly resource: { readonly kind: string; readonly id?: string };
  readonly decision: "allow" | "deny";
  readonly reasons: readonly string[];
  readonly requestId?: string;
  readonly traceId?: string;
}

export interface AuditSink {
  /** Takes an entry; it is on disk soon after. Never throws and never makes its caller wait; a failure is logged. */
  record(entry: AuditEntry): void;
}
