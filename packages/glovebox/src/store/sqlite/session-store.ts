import { sql } from "kysely";
import { LIVE_SESSION_STATUSES, type Session, type SessionStatus } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type {
  Page,
  SessionFilter,
  SessionInternals,
  SessionInternalsPatch,
  SessionPatch,
  SessionStore,
} from "../store.ts";
import { checkId, fromDoc, returnedDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";
import type { StreamRemovals } from "./stream-removals.ts";

/** A session that is closing holds its sandbox still, but its key is free for the next. As in the index `sessions_by_open_key`. */
const OPEN_STATUSES: readonly SessionStatus[] = ["starting", "ready", "paused"];

const KEY_TAKEN = ["conflict", "an open session has this key already"] as const;

export class SqliteSessionStore implements SessionStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;
  readonly #removals: StreamRemovals;

  constructor(reader: MainReader, writes: MainWrites, removals: StreamRemovals) {
    this.#reader = reader;
    this.#writes = writes;
    this.#removals = removals;
  }

  async create(session: Session, internals: SessionInternals, limits?: { readonly maxLive?: number }): Promise<void> {
    await this.#writes.run("session", creation(session, internals, limits));
  }

  async createAll(
    all: readonly { readonly session: Session; readonly internals: SessionInternals }[],
    limits?: { readonly maxLive?: number },
  ): Promise<void> {
    const steps = all.flatMap(({ session, internals }) => creation(session, internals, limits));
    await this.#writes.run("session", steps);
  }

  async get(tenantId: string, id: string): Promise<Session | undefined> {
    return this.#one(query.selectFrom("sessions").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id));
  }

  async internals(id: string): Promise<SessionInternals | undefined> {
    const row = this.#reader.first(query.selectFrom("sessions").select("internals").where("id", "=", id));
    return row === undefined ? undefined : (JSON.parse(row.internals) as SessionInternals);
  }

  async workspaceDirs(): Promise<readonly string[]> {
    const rows = this.#reader.all(
      query.selectFrom("sessions").select(sql<string>`internals ->> '$.workspaceDir'`.as("dir")),
    );
    return rows.map(({ dir }) => dir);
  }

  async openByKey(tenantId: string, key: string): Promise<Session | undefined> {
    return this.#one(openByKey(tenantId, key).select("doc"));
  }

  async list(tenantId: string, filter?: SessionFilter): Promise<Page<Session>> {
    const { limit, beforeId } = pageWindow(filter);
    const { status, templateId, key, metadata = {} } = filter ?? {};
    let select = query
      .selectFrom("sessions")
      .select("doc")
      .where("tenant_id", "=", tenantId)
      .$if(status !== undefined, (q) => q.where("status", "in", status ?? []))
      .$if(templateId !== undefined, (q) => q.where("template_id", "=", templateId ?? ""))
      .$if(key !== undefined, (q) => q.where("key", "=", key ?? ""))
      .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""));
    for (const [name, value] of Object.entries(metadata)) {
      select = select.where(
        sql<boolean>`EXISTS (SELECT 1 FROM json_each(doc, '$.metadata') AS entry WHERE entry.key = ${name} AND entry.value = ${value})`,
      );
    }
    const rows = this.#reader.all(select.orderBy("id", "desc").limit(limit + 1));
    return toPage(rows.map(fromDoc<Session>), limit);
  }

  async live(): Promise<readonly Session[]> {
    return this.#reader
      .all(
        query.selectFrom("sessions").select("doc").where("status", "in", literals(LIVE_SESSION_STATUSES)).orderBy("id"),
      )
      .map(fromDoc<Session>);
  }

  async update(
    tenantId: string,
    id: string,
    patch: { readonly [K in keyof SessionPatch]: SessionPatch[K] | undefined },
    options?: { readonly from?: readonly SessionStatus[]; readonly internals?: SessionInternalsPatch },
  ): Promise<Session | undefined> {
    const from = options?.from;
    const internals = options?.internals;
    const [updated] = await this.#writes.run("session", [
      {
        query: query
          .updateTable("sessions")
          .set({
            doc: patchedJson("doc", withoutFixed(patch)),
            ...(internals === undefined ? {} : { internals: patchedJson("internals", { ...internals }) }),
          })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .$if(from !== undefined, (q) => q.where("status", "in", from ?? []))
          .returning("doc"),
        onDuplicate: KEY_TAKEN,
      },
    ]);
    return returnedDoc<Session>(updated);
  }

  /** Also deletes its executions and what is known of its snapshots, and the events of the former two (soon after, and after a crash too). */
  async delete(tenantId: string, id: string): Promise<boolean> {
    const results = await this.#writes.run("session", [
      ...this.#removals.ofSession(tenantId, id),
      { query: query.deleteFrom("executions").where("tenant_id", "=", tenantId).where("session_id", "=", id) },
      { query: query.deleteFrom("snapshots").where("tenant_id", "=", tenantId).where("session_id", "=", id) },
      { query: query.deleteFrom("sessions").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ]);
    this.#removals.removeSoon();
    return (results.at(-1)?.changes ?? 0) > 0;
  }

  async countByStatus(tenantId: string): Promise<Readonly<Record<string, number>>> {
    const rows = this.#reader.all(
      query
        .selectFrom("sessions")
        .select((select) => ["status", select.fn.countAll<number>().as("count")])
        .where("tenant_id", "=", tenantId)
        .groupBy("status"),
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  #one(select: Parameters<MainReader["first"]>[0]): Session | undefined {
    const row = this.#reader.first(select) as { doc: string } | undefined;
    return row === undefined ? undefined : fromDoc<Session>(row);
  }
}

/** What makes a session's row, each condition looked at in the writer's order. */
function creation(session: Session, internals: SessionInternals, limits?: { readonly maxLive?: number }): Step[] {
  checkId("session", session.id);
  const { id, tenantId, key } = session;
  const steps: Step[] = [];
  // Whoever deletes a template and whoever makes a session from it are told apart here, in the writer's order.
  steps.push({
    query: query
      .selectFrom("templates")
      .select("id")
      .where("id", "=", session.templateId)
      .where("deleted_at", "is not", null),
    expect: "no_row",
    otherwise: ["not_found", `the template ${session.templateId} was deleted`],
  });
  if (key !== undefined) {
    steps.push({ query: openByKey(tenantId, key).select("id"), expect: "no_row", otherwise: KEY_TAKEN });
  }
  if (limits?.maxLive !== undefined) {
    steps.push({
      query: query
        .selectFrom("sessions")
        .select((select) => select.fn.countAll<number>().as("live"))
        .where("tenant_id", "=", tenantId)
        .where("status", "in", LIVE_SESSION_STATUSES)
        .having((having) => having(having.fn.countAll<number>(), "<", limits.maxLive ?? 0)),
      expect: "row",
      otherwise: ["resource_exhausted", `the tenant has ${limits.maxLive} live sessions, the most it may have`],
    });
  }
  steps.push({
    query: query.insertInto("sessions").values({
      id,
      tenant_id: tenantId,
      doc: JSON.stringify(session),
      internals: JSON.stringify(internals),
    }),
    onDuplicate: ["already_exists", `there is a session ${id} already`],
  });
  return steps;
}

function openByKey(tenantId: string, key: string) {
  return query
    .selectFrom("sessions")
    .where("tenant_id", "=", tenantId)
    .where("key", "=", key)
    .where("status", "in", literals(OPEN_STATUSES));
}

/** Statuses written out in the statement, as SQLite needs them to see that a partial index fits. */
export function literals<T extends string>(values: readonly T[]) {
  return values.map((value) => sql.lit(value));
}

function withoutFixed(patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id: _id, tenantId: _tenantId, createdAt: _createdAt, ...rest } = patch;
  return rest;
}
