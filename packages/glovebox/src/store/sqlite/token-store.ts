import type { Token } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page, PageRequest, TokenStore } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";

export class SqliteTokenStore implements TokenStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(token: Token, secretHash: string): Promise<void> {
    checkId("token", token.id);
    await this.#writes.run("token", [
      {
        query: query
          .insertInto("tokens")
          .values({ id: token.id, tenant_id: token.tenantId, secret_hash: secretHash, doc: JSON.stringify(token) }),
        onDuplicate: ["already_exists", "there is such a token already"],
      },
    ]);
  }

  async findByHash(secretHash: string): Promise<Token | undefined> {
    const row = this.#reader.first(query.selectFrom("tokens").select("doc").where("secret_hash", "=", secretHash));
    return row === undefined ? undefined : fromDoc<Token>(row);
  }

  async list(tenantId: string, page?: PageRequest): Promise<Page<Token>> {
    const { limit, beforeId } = pageWindow(page);
    const rows = this.#reader.all(
      query
        .selectFrom("tokens")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Token>), limit);
  }

  async touch(id: string, lastUsedAt: string): Promise<void> {
    await this.#writes.run("token", [
      {
        query: query
          .updateTable("tokens")
          .set({ doc: patchedJson("doc", { lastUsedAt }) })
          .where("id", "=", id),
      },
    ]);
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const [deleted] = await this.#writes.run("token", [
      { query: query.deleteFrom("tokens").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ]);
    return (deleted?.changes ?? 0) > 0;
  }
}
