import type { AuditEntry, Redactor } from "../../core/index.ts";

const MAX_TEXT = 512;
const MAX_REASONS = 16;

/** The entry as it is kept: only what belongs in it, bounded, and with secrets masked where a client's words may be. */
export function cleanEntry(entry: AuditEntry, redactor: Redactor): AuditEntry {
  const { resource, requestId, traceId } = entry;
  const masked = (text: string) => redactor.redact(cut(text));
  return {
    tenantId: cut(entry.tenantId),
    principal: cut(entry.principal),
    action: cut(entry.action),
    resource: { kind: cut(resource.kind), ...(resource.id !== undefined && { id: masked(resource.id) }) },
    decision: entry.decision === "allow" ? "allow" : "deny",
    reasons: entry.reasons.slice(0, MAX_REASONS).map(masked),
    ...(requestId !== undefined && { requestId: masked(requestId) }),
    ...(traceId !== undefined && { traceId: cut(traceId) }),
  };
}

function cut(text: string): string {
  // Well-formed, so that it reads back from the disk as what was hashed.
  return (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text).toWellFormed();
}
