import { sql } from "kysely";
import type { Repository, RepositoryForge } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import { type RepositoryStore, repositoryScope } from "../repository-records.ts";
import type { Page, PageRequest } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteRepositoryStore implements RepositoryStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(repository: Repository): Promise<void> {
    checkId("repository", repository.id);
    const { id, tenantId, fullName, forge } = repository;
    await this.#writes.run("repository", [
      {
        query: query.insertInto("repositories").values({ id, tenant_id: tenantId, doc: JSON.stringify(repository) }),
        onDuplicate: ["already_exists", `there is a repository ${fullName} of ${forge} already`],
      },
    ]);
  }

  async get(tenantId: string, id: string): Promise<Repository | undefined> {
    const row = this.#reader.first(
      query.selectFrom("repositories").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Repository>(row);
  }

  async byName(tenantId: string, fullName: string): Promise<readonly Repository[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("repositories")
        .select("doc")
        .where("name", "=", fullName.toLowerCase())
        .where("tenant_id", "=", tenantId)
        .orderBy("id", "desc"),
    );
    return rows.map(fromDoc<Repository>);
  }

  async named(forge: RepositoryForge, fullName: string): Promise<readonly Repository[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("repositories")
        .select("doc")
        .where("name", "=", fullName.toLowerCase())
        .where("forge", "=", forge)
        .orderBy("id"),
    );
    return rows.map(fromDoc<Repository>);
  }

  async list(tenantId: string, page?: PageRequest): Promise<Page<Repository>> {
    const { limit, beforeId } = pageWindow(page);
    const rows = this.#reader.all(
      query
        .selectFrom("repositories")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Repository>), limit);
  }

  async all(): Promise<readonly Repository[]> {
    return this.#reader.all(query.selectFrom("repositories").select("doc").orderBy("id")).map(fromDoc<Repository>);
  }

  async put(repository: Repository): Promise<boolean> {
    const [updated] = await this.#writes.run("repository", [
      {
        query: query
          .updateTable("repositories")
          .set({ doc: JSON.stringify(repository) })
          .where("tenant_id", "=", repository.tenantId)
          .where("id", "=", repository.id),
        onDuplicate: ["already_exists", `there is a repository ${repository.fullName} already`],
      },
    ]);
    return (updated?.changes ?? 0) > 0;
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const scope = repositoryScope(id);
    const mine = query.selectFrom("repositories").select("id").where("tenant_id", "=", tenantId).where("id", "=", id);
    const results = await this.#writes.run("repository", [
      { query: query.deleteFrom("deliveries").where("repository_id", "in", mine) },
      {
        query: query
          .deleteFrom("sealed_values")
          .where("tenant_id", "=", tenantId)
          .where(sql<boolean>`substr(scope, 1, ${scope.length}) = ${scope}`),
      },
      { query: query.deleteFrom("repositories").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ]);
    return (results.at(-1)?.changes ?? 0) > 0;
  }
}
