import type { Clock } from "../../core/index.ts";
import type { IdempotencyStore } from "../store.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

/** How long a key is remembered. */
const KEPT_MS = 24 * 3_600_000;

type Claim = Awaited<ReturnType<IdempotencyStore["claim"]>>;

export class SqliteIdempotencyStore implements IdempotencyStore {
  readonly #writes: MainWrites;
  readonly #clock: Clock;

  constructor(writes: MainWrites, clock: Clock) {
    this.#writes = writes;
    this.#clock = clock;
  }

  /** Requests that were under way when the server died have nobody who would settle them. Called once, before any claim. */
  async releaseAbandoned(): Promise<void> {
    await this.#writes.run("idempotency", [{ query: query.deleteFrom("idempotency").where("entity_id", "is", null) }]);
  }

  async claim(tenantId: string, operation: string, key: string, requestHash: string): Promise<Claim> {
    const nowMs = this.#clock.nowMs();
    const [, inserted, found] = await this.#writes.run("idempotency", [
      { query: query.deleteFrom("idempotency").where("claimed_ms", "<=", nowMs - KEPT_MS) },
      {
        query: query
          .insertInto("idempotency")
          .values({ tenant_id: tenantId, operation, key, request_hash: requestHash, claimed_ms: nowMs })
          .onConflict((conflict) => conflict.doNothing()),
      },
      {
        query: query
          .selectFrom("idempotency")
          .select(["request_hash", "entity_id"])
          .where("tenant_id", "=", tenantId)
          .where("operation", "=", operation)
          .where("key", "=", key),
      },
    ]);
    if ((inserted?.changes ?? 0) > 0) return { state: "claimed" };
    const row = found?.rows[0];
    if (row?.request_hash !== requestHash) return { state: "conflict" };
    return typeof row.entity_id === "string" ? { state: "settled", entityId: row.entity_id } : { state: "pending" };
  }

  async settle(tenantId: string, operation: string, key: string, entityId: string): Promise<void> {
    await this.#writes.run("idempotency", [
      {
        query: query
          .updateTable("idempotency")
          .set({ entity_id: entityId })
          .where("tenant_id", "=", tenantId)
          .where("operation", "=", operation)
          .where("key", "=", key),
      },
    ]);
  }

  async release(tenantId: string, operation: string, key: string): Promise<void> {
    await this.#writes.run("idempotency", [
      {
        query: query
          .deleteFrom("idempotency")
          .where("tenant_id", "=", tenantId)
          .where("operation", "=", operation)
          .where("key", "=", key)
          .where("entity_id", "is", null),
      },
    ]);
  }
}
