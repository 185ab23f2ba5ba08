import { sql } from "kysely";
import type { SealedValue, SealedValueStore } from "../repository-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";
import type { SealedValueRow } from "./tables.ts";

export class SqliteSealedValueStore implements SealedValueStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async put(
    value: Omit<SealedValue, "version" | "createdAt" | "updatedAt">,
    { at, max }: { readonly at: string; readonly max: number },
  ): Promise<SealedValue> {
    const { tenantId, scope, name } = value;
    const change = { sealed: value.sealed, key_id: value.keyId, updated_at: at };
    const results = await this.#writes.run("secret", [
      {
        query: query
          .selectFrom("sealed_values")
          .select("name")
          .where("tenant_id", "=", tenantId)
          .where("scope", "=", scope)
          .where("name", "!=", name)
          .limit(1)
          .offset(max - 1),
        expect: "no_row",
        otherwise: ["resource_exhausted", `there are ${max} values already, which is the most`],
      },
      {
        query: query
          .insertInto("sealed_values")
          .values({ tenant_id: tenantId, scope, name, version: 1, created_at: at, ...change })
          .onConflict((conflict) =>
            conflict
              .columns(["tenant_id", "scope", "name"])
              .doUpdateSet({ ...change, version: sql`sealed_values.version + 1` }),
          )
          .returningAll(),
      },
    ]);
    return toValue(results[1]?.rows[0] as unknown as SealedValueRow);
  }

  async list(tenantId: string, scope: string): Promise<readonly SealedValue[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("sealed_values")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("scope", "=", scope)
        .orderBy("name"),
    );
    return rows.map(toValue);
  }

  async scopes(tenantId: string, prefix: string): Promise<readonly string[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("sealed_values")
        .select("scope")
        .distinct()
        .where("tenant_id", "=", tenantId)
        .where(sql<boolean>`substr(scope, 1, ${prefix.length}) = ${prefix}`)
        .orderBy("scope"),
    );
    return rows.map(({ scope }) => scope);
  }

  async delete(tenantId: string, scope: string, name: string): Promise<boolean> {
    const [deleted] = await this.#writes.run("secret", [
      {
        query: query
          .deleteFrom("sealed_values")
          .where("tenant_id", "=", tenantId)
          .where("scope", "=", scope)
          .where("name", "=", name),
      },
    ]);
    return (deleted?.changes ?? 0) > 0;
  }

  async underOtherKey(keyId: string, limit: number): Promise<readonly SealedValue[]> {
    const rows = this.#reader.all(
      query.selectFrom("sealed_values").selectAll().where("key_id", "!=", keyId).limit(limit),
    );
    return rows.map(toValue);
  }

  async reseal(old: SealedValue, sealed: Uint8Array, keyId: string): Promise<boolean> {
    const [updated] = await this.#writes.run("secret", [
      {
        query: query
          .updateTable("sealed_values")
          .set({ sealed, key_id: keyId })
          .where("tenant_id", "=", old.tenantId)
          .where("scope", "=", old.scope)
          .where("name", "=", old.name)
          .where("version", "=", old.version)
          .where("key_id", "=", old.keyId),
      },
    ]);
    return (updated?.changes ?? 0) > 0;
  }

  async keyIds(): Promise<readonly string[]> {
    return this.#reader.all(query.selectFrom("sealed_values").select("key_id").distinct()).map(({ key_id }) => key_id);
  }
}

function toValue(row: SealedValueRow): SealedValue {
  return {
    tenantId: row.tenant_id,
    scope: row.scope,
    name: row.name,
    sealed: row.sealed,
    keyId: row.key_id,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
