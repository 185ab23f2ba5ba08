import { sql } from "kysely";
import { type Isolation, isId, LIVE_SESSION_STATUSES, type Template } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page, PageRequest, TemplateStore } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteTemplateStore implements TemplateStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(template: Template): Promise<void> {
    checkId("template", template.id);
    const { id, tenantId, name, isolation, version } = template;
    await this.#writes.run("template", [
      {
        query: query.insertInto("templates").values({ id, tenant_id: tenantId, name, isolation, version }),
        onDuplicate: nameTaken(name),
      },
      insertVersion(template),
    ]);
  }

  async addVersion(template: Template): Promise<void> {
    const { id, tenantId, name, isolation, version } = template;
    const existing = query
      .selectFrom("templates")
      .where("tenant_id", "=", tenantId)
      .where("id", "=", id)
      .where("deleted_at", "is", null);
    await this.#writes.run("template", [
      { query: existing.select("id"), expect: "row", otherwise: ["not_found", `no template ${id}`] },
      {
        query: existing.where("version", "=", version - 1).select("id"),
        expect: "row",
        otherwise: [
          "version_conflict",
          `template '${name}' was changed by someone else; its next version is not ${version}`,
        ],
      },
      {
        query: query.updateTable("templates").set({ name, isolation, version }).where("id", "=", id),
        onDuplicate: nameTaken(name),
      },
      insertVersion(template),
    ]);
  }

  async get(tenantId: string, idOrName: string, version?: number): Promise<Template | undefined> {
    const byId = isId(idOrName) ? this.#find(tenantId, "id", idOrName, version) : undefined;
    return byId ?? this.#find(tenantId, "name", idOrName, version);
  }

  #find(tenantId: string, by: "id" | "name", value: string, version: number | undefined): Template | undefined {
    const base = query
      .selectFrom("templates")
      .innerJoin("template_versions", "template_versions.template_id", "templates.id")
      .select("template_versions.doc")
      .where("templates.tenant_id", "=", tenantId)
      .where(`templates.${by}`, "=", value);
    const row = this.#reader.first(
      version === undefined
        ? base.where("templates.deleted_at", "is", null).whereRef("template_versions.version", "=", "templates.version")
        : base
            .where("template_versions.version", "=", version)
            // Of several with the same name, the one that is not deleted, else the newest.
            .orderBy("templates.deleted_at", (order) => order.asc().nullsFirst())
            .orderBy("templates.id", "desc")
            .limit(1),
    );
    return row === undefined ? undefined : toTemplate(row);
  }

  async list(
    tenantId: string,
    page?: PageRequest & { readonly name?: string; readonly isolation?: Isolation },
  ): Promise<Page<Template>> {
    const { limit, beforeId } = pageWindow(page);
    const name = page?.name;
    const isolation = page?.isolation;
    const rows = this.#reader.all(
      query
        .selectFrom("templates")
        .innerJoin("template_versions", (join) =>
          join
            .onRef("template_versions.template_id", "=", "templates.id")
            .onRef("template_versions.version", "=", "templates.version"),
        )
        .select("template_versions.doc")
        .where("templates.tenant_id", "=", tenantId)
        .where("templates.deleted_at", "is", null)
        .$if(name !== undefined, (q) => q.where("templates.name", "=", name ?? ""))
        .$if(isolation !== undefined, (q) => q.where("templates.isolation", "=", isolation ?? ""))
        .$if(beforeId !== undefined, (q) => q.where("templates.id", "<", beforeId ?? ""))
        .orderBy("templates.id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(toTemplate), limit);
  }

  async pooled(): Promise<readonly Template[]> {
    return this.#reader
      .all(
        query
          .selectFrom("templates")
          .innerJoin("template_versions", (join) =>
            join
              .onRef("template_versions.template_id", "=", "templates.id")
              .onRef("template_versions.version", "=", "templates.version"),
          )
          .select("template_versions.doc")
          .where("templates.deleted_at", "is", null)
          .where(sql<boolean>`template_versions.doc ->> '$.pool.max' > 0`)
          .orderBy("templates.id"),
      )
      .map(toTemplate);
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const [, deleted] = await this.#writes.run("template", [
      {
        query: query
          .selectFrom("sessions")
          .select("id")
          .where("tenant_id", "=", tenantId)
          .where("template_id", "=", id)
          .where("status", "in", LIVE_SESSION_STATUSES)
          .limit(1),
        expect: "no_row",
        otherwise: ["template_in_use", "the template has live sessions; close them first"],
      },
      {
        query: query
          .updateTable("templates")
          .set({ deleted_at: new Date().toISOString() })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .where("deleted_at", "is", null),
      },
    ]);
    return (deleted?.changes ?? 0) > 0;
  }
}

function insertVersion(template: Template): Step {
  return {
    query: query
      .insertInto("template_versions")
      .values({ template_id: template.id, version: template.version, doc: JSON.stringify(template) }),
  };
}

function nameTaken(name: string): readonly ["already_exists", string] {
  return ["already_exists", `there is a template named '${name}' already`];
}

/** Those that were written before there was such a thing leave it out. */
function toTemplate(row: Parameters<typeof fromDoc>[0]): Template {
  const { forkable = false, ...rest } = fromDoc<Partial<Pick<Template, "forkable">> & Omit<Template, "forkable">>(row);
  return { ...rest, forkable };
}
