import { sql } from "kysely";
import type { NewSealedSecret, SealedSecret, SecretStore } from "../sealed-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";
import type { SecretRow } from "./tables.ts";

export class SqliteSecretStore implements SecretStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async put(
    secret: NewSealedSecret,
    { at, max }: { readonly at: string; readonly max: number },
  ): Promise<SealedSecret> {
    const { tenantId, name } = secret;
    const change = { hosts: JSON.stringify(secret.hosts), sealed: secret.sealed, key_id: secret.keyId, updated_at: at };
    const others = query.selectFrom("secrets").where("tenant_id", "=", tenantId).where("name", "!=", name);
    const results = await this.#writes.run("secret", [
      {
        query: others
          .select("name")
          .limit(1)
          .offset(max - 1),
        expect: "no_row",
        otherwise: ["resource_exhausted", `a tenant has at most ${max} secrets`],
      },
      {
        query: query
          .insertInto("secrets")
          .values({ tenant_id: tenantId, name, version: 1, created_at: at, ...change })
          .onConflict((conflict) =>
            conflict.columns(["tenant_id", "name"]).doUpdateSet({ ...change, version: sql`secrets.version + 1` }),
          )
          .returningAll(),
      },
    ]);
    return toSecret(results[1]?.rows[0] as unknown as SecretRow);
  }

  async list(tenantId: string, names?: readonly string[]): Promise<readonly SealedSecret[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("secrets")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        // One parameter whatever their number, so that it is one statement.
        .$if(names !== undefined, (q) =>
          q.where(sql<boolean>`name IN (SELECT value FROM json_each(${JSON.stringify(names)}))`),
        )
        .orderBy("name"),
    );
    return rows.map(toSecret);
  }

  async delete(tenantId: string, name: string): Promise<boolean> {
    const [deleted] = await this.#writes.run("secret", [
      { query: query.deleteFrom("secrets").where("tenant_id", "=", tenantId).where("name", "=", name) },
    ]);
    return (deleted?.changes ?? 0) > 0;
  }

  async underOtherKey(keyId: string, limit: number): Promise<readonly SealedSecret[]> {
    const rows = this.#reader.all(query.selectFrom("secrets").selectAll().where("key_id", "!=", keyId).limit(limit));
    return rows.map(toSecret);
  }

  async reseal(old: SealedSecret, sealed: Uint8Array, keyId: string): Promise<boolean> {
    const [updated] = await this.#writes.run("secret", [
      {
        query: query
          .updateTable("secrets")
          .set({ sealed, key_id: keyId })
          .where("tenant_id", "=", old.tenantId)
          .where("name", "=", old.name)
          .where("version", "=", old.version)
          .where("key_id", "=", old.keyId),
      },
    ]);
    return (updated?.changes ?? 0) > 0;
  }

  async keyIds(): Promise<readonly string[]> {
    return this.#reader.all(query.selectFrom("secrets").select("key_id").distinct()).map(({ key_id }) => key_id);
  }
}

function toSecret(row: SecretRow): SealedSecret {
  return {
    tenantId: row.tenant_id,
    name: row.name,
    hosts: JSON.parse(row.hosts) as string[],
    sealed: row.sealed,
    keyId: row.key_id,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
