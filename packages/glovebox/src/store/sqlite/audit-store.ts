import { sql } from "kysely";
import { GloveboxError } from "../../core/index.ts";
import type { AuditCheckpoint, AuditFilter, AuditRow, AuditStore } from "../audit-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

const FIELDS = ["tenant_id as tenantId", "seq", "ts", "doc", "hash"] as const;
const DEFAULT_LIMIT = 50;
/** One more than a page may have, to tell whether there is another. */
const MAX_LIST = 1001;
const MAX_READ = 10_000;

export class SqliteAuditStore implements AuditStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async append(rows: readonly AuditRow[]): Promise<void> {
    if (rows.length === 0) return;
    // As one parameter, so that batches of every size are one statement.
    const batch = JSON.stringify(rows.map(({ tenantId, seq, ts, doc, hash }) => [tenantId, seq, ts, doc, hash]));
    await this.#writes.run("audit", [
      {
        query: query
          .insertInto("audit")
          .columns(["tenant_id", "seq", "ts", "doc", "hash"])
          .expression(sql`
          SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(${batch})`),
        onDuplicate: ["conflict", "the audit log has another entry at that place"],
      },
    ]);
  }

  async last(tenantId: string): Promise<AuditRow | undefined> {
    return this.#reader.first(
      query.selectFrom("audit").select(FIELDS).where("tenant_id", "=", tenantId).orderBy("seq", "desc").limit(1),
    );
  }

  async list(tenantId: string, filter: AuditFilter = {}): Promise<readonly AuditRow[]> {
    const { beforeSeq, afterSeq, sinceMs, untilMs } = filter;
    const equal = [
      ["principal", filter.principal],
      ["action", filter.action],
      ["decision", filter.decision],
      ["resource_kind", filter.resourceKind],
      ["resource_id", filter.resourceId],
      ["request_id", filter.requestId],
    ] as const;
    let rows = query.selectFrom("audit").select(FIELDS).where("tenant_id", "=", tenantId);
    for (const [column, value] of equal) if (value !== undefined) rows = rows.where(column, "=", value);
    if (beforeSeq !== undefined) rows = rows.where("seq", "<", beforeSeq);
    if (afterSeq !== undefined) rows = rows.where("seq", ">", afterSeq);
    if (sinceMs !== undefined) rows = rows.where("ts", ">=", sinceMs);
    if (untilMs !== undefined) rows = rows.where("ts", "<", untilMs);
    return this.#reader.all(rows.orderBy("seq", "desc").limit(checked(filter.limit ?? DEFAULT_LIMIT, MAX_LIST)));
  }

  async read(
    tenantId: string,
    { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
  ): Promise<readonly AuditRow[]> {
    return this.#reader.all(
      query
        .selectFrom("audit")
        .select(FIELDS)
        .where("tenant_id", "=", tenantId)
        .where("seq", ">", afterSeq)
        .orderBy("seq")
        .limit(checked(limit, MAX_READ)),
    );
  }

  async checkpoint(tenantId: string): Promise<AuditCheckpoint | undefined> {
    return this.#reader.first(
      query
        .selectFrom("audit_checkpoints")
        .select(["tenant_id as tenantId", "seq", "doc", "hash"])
        .where("tenant_id", "=", tenantId),
    );
  }

  async lastExpired(
    tenantId: string,
    { beforeMs, limit }: { readonly beforeMs: number; readonly limit: number },
  ): Promise<AuditRow | undefined> {
    const rows = await this.read(tenantId, { afterSeq: 0, limit });
    // Only up to the first that is kept: the wall clock may have jumped, the chain must not get holes.
    const kept = rows.findIndex(({ ts }) => ts >= beforeMs);
    return kept === -1 ? rows.at(-1) : rows[kept - 1];
  }

  async prune(checkpoint: AuditCheckpoint): Promise<number> {
    const { tenantId, seq, doc, hash } = checkpoint;
    const [, deleted] = await this.#writes.run("audit", [
      {
        query: query
          .insertInto("audit_checkpoints")
          .values({ tenant_id: tenantId, seq, doc, hash })
          .onConflict((conflict) => conflict.column("tenant_id").doUpdateSet({ seq, doc, hash })),
      },
      { query: query.deleteFrom("audit").where("tenant_id", "=", tenantId).where("seq", "<=", seq) },
    ]);
    return deleted?.changes ?? 0;
  }

  async tenants(): Promise<readonly string[]> {
    return this.#reader.all(query.selectFrom("audit").select("tenant_id").distinct()).map(({ tenant_id }) => tenant_id);
  }
}

function checked(limit: number, max: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= max) return limit;
  throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${max}`, {
    details: { path: "limit" },
  });
}
