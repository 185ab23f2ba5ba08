import { type Execution, type ExecutionStatus, GloveboxError, isFinal, type StreamRef } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { ExecutionFilter, ExecutionStore, Page } from "../store.ts";
import { checkId, fromDoc, returnedDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";
import { literals } from "./session-store.ts";

const UNFINISHED: readonly ExecutionStatus[] = ["queued", "running"];

export class SqliteExecutionStore implements ExecutionStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(execution: Execution, requestHash?: string): Promise<Execution> {
    checkId("execution", execution.id);
    const { id, tenantId, sessionId, idempotencyKey } = execution;
    const [, inserted, first] = await this.#writes.run("execution", [
      {
        query: query.selectFrom("sessions").select("id").where("tenant_id", "=", tenantId).where("id", "=", sessionId),
        expect: "row",
        otherwise: ["not_found", `no session ${sessionId}`],
      },
      {
        query: query
          .insertInto("executions")
          .values({
            id,
            tenant_id: tenantId,
            session_id: sessionId,
            doc: JSON.stringify(execution),
            request_hash: requestHash ?? null,
          })
          .$if(idempotencyKey !== undefined, (q) =>
            q.onConflict((conflict) =>
              conflict.columns(["session_id", "idempotency_key"]).where("idempotency_key", "is not", null).doNothing(),
            ),
          ),
        onDuplicate: ["already_exists", `there is an execution ${id} already`],
      },
      ...(idempotencyKey === undefined
        ? []
        : [
            {
              query: query
                .selectFrom("executions")
                .select(["doc", "request_hash"])
                .where("session_id", "=", sessionId)
                .where("idempotency_key", "=", idempotencyKey),
            },
          ]),
    ]);
    if ((inserted?.changes ?? 0) > 0) return execution;
    const existing = returnedDoc<Execution>(first);
    if (existing === undefined || first?.rows[0]?.request_hash !== (requestHash ?? null)) {
      throw new GloveboxError("conflict", "the idempotency key was used with another request");
    }
    return existing;
  }

  async get(tenantId: string, id: string): Promise<Execution | undefined> {
    const row = this.#reader.first(
      query.selectFrom("executions").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Execution>(row);
  }

  async list(tenantId: string, filter?: ExecutionFilter): Promise<Page<Execution>> {
    const { limit, beforeId } = pageWindow(filter);
    const { sessionId, kind, status, language } = filter ?? {};
    const since = timestamp("since", filter?.since);
    const until = timestamp("until", filter?.until);
    const rows = this.#reader.all(
      query
        .selectFrom("executions")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(sessionId !== undefined, (q) => q.where("session_id", "=", sessionId ?? ""))
        .$if(kind !== undefined, (q) => q.where("kind", "in", kind ?? []))
        .$if(status !== undefined, (q) => q.where("status", "in", status ?? []))
        .$if(language !== undefined, (q) => q.where("language", "=", language ?? ""))
        .$if(since !== undefined, (q) => q.where("created_at", ">=", since ?? ""))
        .$if(until !== undefined, (q) => q.where("created_at", "<", until ?? ""))
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Execution>), limit);
  }

  async unfinished(sessionId: string): Promise<readonly Execution[]> {
    return this.#reader.all(unfinished().where("session_id", "=", sessionId).orderBy("id")).map(fromDoc<Execution>);
  }

  async allUnfinished(): Promise<readonly Execution[]> {
    // In the order of the index over what is unfinished: by id, the whole table would be looked at.
    const all = this.#reader.all(unfinished().orderBy("session_id").orderBy("id")).map(fromDoc<Execution>);
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async update(
    tenantId: string,
    id: string,
    patch: Partial<Omit<Execution, "id" | "tenantId" | "sessionId">>,
    options: { readonly after?: StreamRef } = {},
  ): Promise<Execution | undefined> {
    const kind = patch.status !== undefined && isFinal(patch.status) ? "final" : "execution";
    const step = {
      query: query
        .updateTable("executions")
        .set({ doc: patchedJson("doc", withoutFixed(patch)) })
        .where("tenant_id", "=", tenantId)
        .where("id", "=", id)
        .where("status", "in", UNFINISHED)
        .returning("doc"),
    };
    const [updated] = await this.#writes.run(kind, [step], options.after);
    return returnedDoc<Execution>(updated);
  }

  async countByStatus(tenantId: string): Promise<Readonly<Record<string, number>>> {
    const rows = this.#reader.all(
      query
        .selectFrom("executions")
        .select((select) => ["status", select.fn.countAll<number>().as("count")])
        .where("tenant_id", "=", tenantId)
        .groupBy("status"),
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }
}

function unfinished() {
  return query.selectFrom("executions").select("doc").where("status", "in", literals(UNFINISHED));
}

/** Stored times are UTC with milliseconds and compare as text; others are brought to that form. */
function timestamp(path: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new GloveboxError("invalid_argument", `${path} must be an RFC 3339 time`, { details: { path } });
  }
  return new Date(ms).toISOString();
}

function withoutFixed(patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id: _id, tenantId: _tenantId, sessionId: _sessionId, ...rest } = patch;
  return rest;
}
