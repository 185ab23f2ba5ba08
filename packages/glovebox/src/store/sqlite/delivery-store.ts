import type { DeliveryRecord, DeliveryStore } from "../repository-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteDeliveryStore implements DeliveryStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async begin(delivery: DeliveryRecord, forgetBeforeMs: number): Promise<boolean> {
    const { repositoryId, tenantId, id, event, receivedAtMs, body } = delivery;
    const [, inserted] = await this.#writes.run("delivery", [
      {
        query: query
          .deleteFrom("deliveries")
          .where("received_ms", "<", forgetBeforeMs)
          .where("outcome", "is not", null),
      },
      {
        query: query
          .insertInto("deliveries")
          .values({ repository_id: repositoryId, tenant_id: tenantId, id, event, received_ms: receivedAtMs, body })
          .onConflict((conflict) => conflict.doNothing()),
      },
    ]);
    return (inserted?.changes ?? 0) > 0;
  }

  async pending(limit: number): Promise<readonly DeliveryRecord[]> {
    const rows = this.#reader.all(
      query.selectFrom("deliveries").selectAll().where("outcome", "is", null).orderBy("received_ms").limit(limit),
    );
    return rows.map((row) => ({
      repositoryId: row.repository_id,
      tenantId: row.tenant_id,
      id: row.id,
      event: row.event,
      receivedAtMs: row.received_ms,
      body: row.body ?? new Uint8Array(),
    }));
  }

  async end(repositoryId: string, id: string, outcome: string): Promise<void> {
    await this.#writes.run("delivery", [
      {
        query: query
          .updateTable("deliveries")
          .set({ outcome, body: null })
          .where("repository_id", "=", repositoryId)
          .where("id", "=", id),
      },
    ]);
  }
}
