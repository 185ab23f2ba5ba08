import { sql } from "kysely";
import type { Snapshot } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { SnapshotStore } from "../snapshot-records.ts";
import type { Page, PageRequest } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";

export class SqliteSnapshotStore implements SnapshotStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(snapshot: Snapshot, limits: { readonly maxCount: number }): Promise<void> {
    checkId("snapshot", snapshot.id);
    const { id, tenantId, sessionId } = snapshot;
    await this.#writes.run("snapshot", [
      {
        query: query
          .updateTable("sessions")
          .set({ internals: patchedJson("internals", { snapshotId: id }) })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", sessionId),
        expect: "change",
        otherwise: ["not_found", `no session ${sessionId}`],
      },
      {
        query: query
          .selectFrom("snapshots")
          .select((select) => select.fn.countAll<number>().as("count"))
          .where("session_id", "=", sessionId)
          .having((having) => having(having.fn.countAll<number>(), "<", limits.maxCount)),
        expect: "row",
        otherwise: ["resource_exhausted", `the session has ${limits.maxCount} snapshots, the most it may have`],
      },
      {
        query: query
          .insertInto("snapshots")
          .values({ id, tenant_id: tenantId, session_id: sessionId, doc: JSON.stringify(snapshot) }),
        onDuplicate: ["already_exists", `there is a snapshot ${id} already`],
      },
    ]);
  }

  async get(tenantId: string, id: string): Promise<Snapshot | undefined> {
    const row = this.#reader.first(
      query.selectFrom("snapshots").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Snapshot>(row);
  }

  async list(tenantId: string, sessionId: string, page?: PageRequest): Promise<Page<Snapshot>> {
    const { limit, beforeId } = pageWindow(page);
    const rows = this.#reader.all(
      query
        .selectFrom("snapshots")
        .select("doc")
        .where("session_id", "=", sessionId)
        .where("tenant_id", "=", tenantId)
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Snapshot>), limit);
  }

  async all(sessionId: string): Promise<readonly Snapshot[]> {
    return this.#reader
      .all(query.selectFrom("snapshots").select("doc").where("session_id", "=", sessionId).orderBy("id"))
      .map(fromDoc<Snapshot>);
  }

  async delete(
    { tenantId, sessionId, id }: Snapshot,
    heir?: { readonly id: string; readonly moreStoredBytes: number },
  ): Promise<boolean> {
    const results = await this.#writes.run("snapshot", [
      {
        query: query
          .updateTable("snapshots")
          .set({ doc: withParentOf("doc", "parentId", id) })
          .where("parent_id", "=", id),
      },
      {
        query: query
          .updateTable("sessions")
          .set({ internals: withParentOf("internals", "snapshotId", id) })
          .where("id", "=", sessionId)
          .where(sql<boolean>`internals ->> '$.snapshotId' = ${id}`),
      },
      ...(heir === undefined ? [] : [{ query: inherit(heir) }]),
      { query: query.deleteFrom("snapshots").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ]);
    return (results.at(-1)?.changes ?? 0) > 0;
  }

  async storedBytes(tenantId?: string): Promise<number> {
    const row = this.#reader.first(
      query
        .selectFrom("snapshots")
        .select(sql<number>`coalesce(sum(stored_bytes), 0)`.as("bytes"))
        .$if(tenantId !== undefined, (q) => q.where("tenant_id", "=", tenantId ?? "")),
    );
    return row?.bytes ?? 0;
  }
}

/** The parent that it has when the writer comes to it; a merge with `null` removes the field. */
function withParentOf(column: "doc" | "internals", field: "parentId" | "snapshotId", id: string) {
  const parent = sql`(SELECT s.doc ->> '$.parentId' FROM snapshots AS s WHERE s.id = ${id})`;
  return sql<string>`json_patch(${sql.ref(column)}, json_object(${sql.lit(field)}, ${parent}))`;
}

function inherit({ id, moreStoredBytes }: { readonly id: string; readonly moreStoredBytes: number }) {
  const stored = sql<string>`json_set(doc, '$.storedBytes', (doc ->> '$.storedBytes') + ${moreStoredBytes})`;
  return query.updateTable("snapshots").set({ doc: stored }).where("id", "=", id);
}
