import { z } from "zod";
import { PageQuery, page, queryInt } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const text = z.string().min(1).max(512);

export const AuditRecordSchema = z.strictObject({
  /** From 1, without holes, within the tenant. */
  seq: z.number().int(),
  ts: z.string(),
  tenantId: z.string(),
  /** A token's id, `session:<id>`, `anonymous` or `server`. */
  principal: z.string(),
  /** An operation's id, or what happened: `authentication`, `egress.connect`, …. */
  action: z.string(),
  resource: z.strictObject({ kind: z.string(), id: z.string().optional() }),
  decision: z.enum(["allow", "deny"]),
  reasons: z.array(z.string()),
  requestId: z.string().optional(),
  traceId: z.string().optional(),
  prevHash: z.string(),
  /** SHA-256, hex, of the canonical JSON (RFC 8785) of all other fields. */
  hash: z.string(),
});

const Head = z.strictObject({ seq: z.number().int(), hash: z.string() });

const AuditVerificationSchema = z.strictObject({
  ok: z.boolean(),
  /** Records that were found right. */
  entries: z.number().int(),
  /** What the oldest record hangs on. */
  after: Head.optional(),
  /** The newest record that is right. Kept elsewhere, it tells later whether the end was cut off. */
  head: Head.optional(),
  /** The first that is wrong. */
  bad: z.strictObject({ seq: z.number().int(), reason: z.string() }).optional(),
});

const AuditQuery = z.strictObject({
  ...PageQuery.shape,
  principal: text.optional(),
  action: text.optional(),
  decision: z.enum(["allow", "deny"]).optional(),
  resourceKind: text.optional(),
  resourceId: text.optional(),
  requestId: text.optional(),
  /** At or after, and before. */
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});

/** What was done, and by whom: one chain for each tenant. */
export const auditOperations = defineOperations({
  "audit.list": {
    method: "GET",
    path: "/v1/audit",
    summary: "List what was done and what was refused, newest first",
    minimumRole: "operator",
    query: AuditQuery,
    answer: "json",
    status: 200,
    response: page(AuditRecordSchema),
    sdk: "audit.list",
    cli: "audit list",
  },
  "audit.verify": {
    method: "GET",
    path: "/v1/audit/verify",
    summary: "Walk the chain and tell the first record that was changed or removed",
    minimumRole: "operator",
    answer: "json",
    status: 200,
    response: AuditVerificationSchema,
    sdk: "audit.verify",
    cli: "audit verify",
  },
  "audit.export": {
    method: "GET",
    path: "/v1/audit/export",
    summary: "Every record, oldest first, one JSON object a line",
    minimumRole: "operator",
    query: z.strictObject({
      /** Only records after this one. */
      afterSeq: queryInt(0, Number.MAX_SAFE_INTEGER).optional(),
    }),
    answer: "jsonl",
    status: 200,
    audited: true,
    sdk: "audit.export",
    cli: "audit export",
  },
});
