import { setImmediate as nextTurn } from "node:timers/promises";
import type { AuditEntry, AuditSink, Clock, Logger, Redactor } from "../../core/index.ts";
import type { AuditFilter, AuditRow, AuditStore } from "../../store/index.ts";
import { DEFAULT_TENANT } from "../root-token.ts";
import { checkLimit, decodeCursor, encodeCursor } from "./audit-cursor.ts";
import { AuditWriter } from "./audit-writer.ts";
import { cleanEntry } from "./entry.ts";
import { pruneExpired } from "./prune.ts";
import { type AuditRecord, GENESIS, headOf, toRecord } from "./record.ts";
import { type AuditVerification, verifyChain } from "./verify.ts";

/** Rows that are looked at in one go; between two of them other work has its turn. */
const WINDOW = 2000;

export interface AuditQuery extends Omit<AuditFilter, "beforeSeq" | "afterSeq" | "limit"> {
  /** 1 to 1,000; default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  readonly nextCursor?: string;
}

/** One chain a tenant. What was recorded before a call is in its answer, unless the disk does not take it. */
export interface AuditLog extends AuditSink {
  /** Newest first. */
  list(tenantId: string, query?: AuditQuery, signal?: AbortSignal): Promise<AuditPage>;
  /** Walks the tenant's chain and tells the first record that is wrong. */
  verify(tenantId: string, signal?: AbortSignal): Promise<AuditVerification>;
  /** Oldest first, after `afterSeq` (default 0). */
  export(
    tenantId: string,
    options?: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<AuditRecord>;
  /** Removes what is past its retention; resolves to how many went. The rest stays verifiable. */
  prune(): Promise<number>;
  /** Writes what waits. Idempotent. */
  close(): Promise<void>;
}

export interface AuditLogOptions {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Days that entries are kept; `null` for ever. Default 365. */
  readonly retentionDays?: number | null;
}

export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { store, clock, logger, redactor } = options;
  const retentionDays = options.retentionDays === undefined ? 365 : options.retentionDays;
  const writer = new AuditWriter({ store, logger, lossEntry, nowMs: () => clock.nowMs() });

  function record(entry: AuditEntry): void {
    try {
      writer.add(cleanEntry(entry, redactor));
    } catch (error) {
      logger.error({ error: String(error), action: entry.action }, "an audit entry could not be taken");
    }
  }

  async function* rows(tenantId: string, afterSeq: number, signal?: AbortSignal): AsyncGenerator<AuditRow> {
    await writer.settled();
    let after = afterSeq;
    for (;;) {
      signal?.throwIfAborted();
      const page = await store.read(tenantId, { afterSeq: after, limit: WINDOW });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < WINDOW) return;
      after = last.seq;
      await nextTurn();
    }
  }

  return {
    record,
    async list(tenantId, { limit, cursor, ...filter } = {}, signal) {
      const beforeSeq = cursor === undefined ? undefined : decodeCursor(cursor);
      const wanted = checkLimit(limit);
      await writer.settled();
      return toPage(await find(store, tenantId, { filter, beforeSeq, count: wanted + 1, signal }), wanted);
    },
    async verify(tenantId, signal) {
      const checkpoint = await store.checkpoint(tenantId);
      const after = checkpoint === undefined ? GENESIS : headOf(checkpoint);
      if (after === undefined) {
        return {
          ok: false,
          entries: 0,
          bad: { seq: checkpoint?.seq ?? 0, reason: "the checkpoint of what was pruned was changed" },
        };
      }
      return await verifyChain(recordsOrTexts(rows(tenantId, 0, signal)), after);
    },
    async *export(tenantId, { afterSeq = 0, signal } = {}) {
      for await (const row of rows(tenantId, afterSeq, signal)) yield toRecord(row);
    },
    async prune() {
      if (retentionDays === null) return 0;
      return await pruneExpired({ store, record, nowMs: clock.nowMs(), retentionDays });
    },
    close: () => writer.close(),
  };
}

/** A row whose text is no JSON any more is wrong, and not an error of ours. */
async function* recordsOrTexts(rows: AsyncIterable<AuditRow>): AsyncGenerator<unknown> {
  for await (const row of rows) {
    try {
      yield toRecord(row);
    } catch {
      yield row.doc;
    }
  }
}

interface Search {
  readonly filter: Omit<AuditFilter, "limit">;
  readonly beforeSeq: number | undefined;
  readonly count: number;
  readonly signal: AbortSignal | undefined;
}

/** From the newest back, a window at a time: what is asked for may be rare. */
async function find(store: AuditStore, tenantId: string, search: Search): Promise<AuditRow[]> {
  const { filter, count, signal } = search;
  const oldest = (await store.checkpoint(tenantId))?.seq ?? 0;
  let before = search.beforeSeq ?? ((await store.last(tenantId))?.seq ?? 0) + 1;
  const found: AuditRow[] = [];
  while (before > oldest + 1 && found.length < count) {
    signal?.throwIfAborted();
    const after = Math.max(oldest, before - WINDOW - 1);
    const window = { beforeSeq: before, afterSeq: after, limit: Math.min(count - found.length, 1001) };
    found.push(...(await store.list(tenantId, { ...filter, ...window })));
    before = after + 1;
    await nextTurn();
  }
  return found;
}

function toPage(found: readonly AuditRow[], limit: number): AuditPage {
  const items = found.slice(0, limit).map(toRecord);
  const last = items.at(-1);
  return found.length > limit && last !== undefined ? { items, nextCursor: encodeCursor(last.seq) } : { items };
}

function lossEntry(count: number): AuditEntry {
  return {
    tenantId: DEFAULT_TENANT,
    principal: "server",
    action: "audit.lost",
    resource: { kind: "audit" },
    decision: "deny",
    reasons: [`${count} entries were lost: the store did not take them in time`],
  };
}
