import type { SealedAuthority, SealedAuthorityStore } from "../sealed-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

const FIELDS = ["tenant_id as tenantId", "sealed", "key_id as keyId", "not_after_ms as notAfterMs"] as const;

export class SqliteAuthorityStore implements SealedAuthorityStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async get(tenantId: string): Promise<SealedAuthority | undefined> {
    return this.#reader.first(query.selectFrom("authorities").select(FIELDS).where("tenant_id", "=", tenantId));
  }

  async put(authority: SealedAuthority): Promise<void> {
    const change = { sealed: authority.sealed, key_id: authority.keyId, not_after_ms: authority.notAfterMs };
    await this.#writes.run("secret", [
      {
        query: query
          .insertInto("authorities")
          .values({ tenant_id: authority.tenantId, ...change })
          .onConflict((conflict) => conflict.column("tenant_id").doUpdateSet(change)),
      },
    ]);
  }

  async underOtherKey(keyId: string, limit: number): Promise<readonly SealedAuthority[]> {
    return this.#reader.all(query.selectFrom("authorities").select(FIELDS).where("key_id", "!=", keyId).limit(limit));
  }

  async reseal(old: SealedAuthority, sealed: Uint8Array, keyId: string): Promise<boolean> {
    const [updated] = await this.#writes.run("secret", [
      {
        query: query
          .updateTable("authorities")
          .set({ sealed, key_id: keyId })
          .where("tenant_id", "=", old.tenantId)
          // Sealing is random: equal bytes are the same authority.
          .where("sealed", "=", old.sealed),
      },
    ]);
    return (updated?.changes ?? 0) > 0;
  }

  async keyIds(): Promise<readonly string[]> {
    return this.#reader.all(query.selectFrom("authorities").select("key_id").distinct()).map(({ key_id }) => key_id);
  }
}
