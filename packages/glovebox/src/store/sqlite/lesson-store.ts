import type { Lesson } from "../../core/index.ts";
import type { LessonStore } from "../lesson-records.ts";
import { fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteLessonStore implements LessonStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async get(tenantId: string, id: string): Promise<Lesson | undefined> {
    const row = this.#reader.first(
      query.selectFrom("lessons").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Lesson>(row);
  }

  async put(lesson: Lesson, { max }: { readonly max: number }): Promise<void> {
    const { tenantId, id, repository } = lesson;
    const doc = JSON.stringify(lesson);
    const keep = query
      .selectFrom("lessons")
      .select("id")
      .where("tenant_id", "=", tenantId)
      .where("repository", "=", repository)
      .orderBy("last_seen_ms", "desc")
      .orderBy("id", "desc")
      .limit(max);
    await this.#writes.run("lesson", [
      {
        query: query
          .insertInto("lessons")
          .values({ tenant_id: tenantId, id, doc })
          .onConflict((conflict) => conflict.columns(["tenant_id", "id"]).doUpdateSet({ doc })),
      },
      {
        query: query
          .deleteFrom("lessons")
          .where("tenant_id", "=", tenantId)
          .where("repository", "=", repository)
          .where("id", "not in", keep),
      },
    ]);
  }

  async list(tenantId: string, repository: string): Promise<readonly Lesson[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("lessons")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .where("repository", "=", repository)
        .orderBy("last_seen_ms", "desc")
        .orderBy("id", "desc"),
    );
    return rows.map(fromDoc<Lesson>);
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const [result] = await this.#writes.run("lesson", [
      { query: query.deleteFrom("lessons").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ]);
    return (result?.changes ?? 0) > 0;
  }
}
