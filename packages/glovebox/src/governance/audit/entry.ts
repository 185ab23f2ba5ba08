import type { AuditEntry, Redactor } from "../../core/index.ts";

const MAX_TEXT = 512;
const MAX_REASONS = 16;

/** The entry as it is kept: only what belongs in it, bounded, with secrets masked. Whatever came from a client is in here somewhere. */
export function cleanEntry(entry: AuditEntry, redactor: Redactor): AuditEntry {
  const { resource, requestId, traceId } = entry;
  return redactor.redactJson({
    tenantId: cut(entry.tenantId),
    principal: cut(entry.principal),
    action: cut(entry.action),
    resource: { kind: cut(resource.kind), ...(resource.id !== undefined && { id: cut(resource.id) }) },
    decision: entry.decision === "allow" ? ("allow" as const) : ("deny" as const),
    reasons: entry.reasons.slice(0, MAX_REASONS).map(cut),
    ...(requestId !== undefined && { requestId: cut(requestId) }),
    ...(traceId !== undefined && { traceId: cut(traceId) }),
  });
}

function cut(text: string): string {
  // Well-formed, so that it reads back from the disk as what was hashed.
  return (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text).toWellFormed();
}
