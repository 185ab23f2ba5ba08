import { sql } from "kysely";
import { GloveboxError } from "../../core/index.ts";
import type { AgentTaskFilter, AgentTaskRecord, AgentTaskStore } from "../agent-records.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { query } from "./query.ts";

/** In the words of the indexes, so that they serve. */
const isOpen = sql<boolean>`state IN ('queued', 'leased')`;

export class SqliteAgentTaskStore implements AgentTaskStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async enqueue(task: AgentTaskRecord, message: unknown, { max }: { readonly max: number }): Promise<AgentTaskRecord> {
    checkId("task", task.id);
    const { id, tenantId, runId, key } = task;
    const first = query
      .selectFrom("agent_tasks")
      .select("doc")
      .where("tenant_id", "=", tenantId)
      .where("key", "=", key);
    const known = this.#reader.first(first);
    if (known !== undefined) return fromDoc<AgentTaskRecord>(known);
    const results = await this.#writes.run("agent_task", [
      {
        query: query
          .selectFrom("agent_tasks")
          .select("id")
          .where("tenant_id", "=", tenantId)
          .where(isOpen)
          .limit(1)
          .offset(max - 1),
        expect: "no_row",
        otherwise: ["queue_full", `${max} tasks wait for agents already, which is the most`],
      },
      {
        query: query
          .insertInto("agent_tasks")
          .values({ id, tenant_id: tenantId, run_id: runId, key, doc: JSON.stringify(task) })
          .onConflict((conflict) => conflict.columns(["tenant_id", "key"]).doNothing())
          .returning("id"),
      },
      {
        query: query
          .insertInto("agent_messages")
          .columns(["task_id", "part", "json"])
          .expression(
            query
              .selectFrom("agent_tasks")
              .where("id", "=", id)
              .select(["id", sql.lit("task").as("part"), sql.val(JSON.stringify(message)).as("json")]),
          ),
      },
    ]);
    if ((results[1]?.rows.length ?? 0) > 0) return task;
    // Another call with its key was faster.
    const winner = this.#reader.first(first);
    if (winner === undefined) throw new GloveboxError("conflict", "the task that has this key is gone");
    return fromDoc<AgentTaskRecord>(winner);
  }

  async get(tenantId: string, id: string): Promise<AgentTaskRecord | undefined> {
    const row = this.#reader.first(
      query.selectFrom("agent_tasks").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<AgentTaskRecord>(row);
  }

  async message(tenantId: string, id: string): Promise<unknown> {
    return this.#part(tenantId, id, "task");
  }

  async answer(tenantId: string, id: string): Promise<unknown> {
    return this.#part(tenantId, id, "answer");
  }

  async list(tenantId: string, filter: AgentTaskFilter = {}): Promise<Page<AgentTaskRecord>> {
    const { limit, beforeId } = pageWindow(filter);
    const { state, agent, runId } = filter;
    const rows = this.#reader.all(
      query
        .selectFrom("agent_tasks")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(state !== undefined, (q) => q.where("state", "in", state ?? []))
        .$if(agent !== undefined, (q) => q.where("agent", "=", agent ?? ""))
        .$if(runId !== undefined, (q) => q.where("run_id", "=", runId ?? ""))
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<AgentTaskRecord>), limit);
  }

  async next(
    tenantId: string,
    { agent, types, nowMs }: { readonly agent: string; readonly types: readonly string[]; readonly nowMs: number },
  ): Promise<AgentTaskRecord | undefined> {
    const due = query
      .selectFrom("agent_tasks")
      .select("doc")
      .where("tenant_id", "=", tenantId)
      .where("state", "=", sql.lit("queued"))
      .where("due_ms", "<=", nowMs)
      .orderBy("id")
      .limit(1);
    const rows = [
      this.#reader.first(due.where("agent", "=", agent)),
      types.length === 0 ? undefined : this.#reader.first(due.where("agent", "is", null).where("type", "in", types)),
    ];
    const found = rows.flatMap((row) => (row === undefined ? [] : [fromDoc<AgentTaskRecord>(row)]));
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0];
  }

  async change(
    was: AgentTaskRecord,
    now: AgentTaskRecord,
    { answer, maxDead }: { readonly answer?: unknown; readonly maxDead: number },
  ): Promise<boolean> {
    const { tenantId, id } = was;
    const lease = was.lease?.id;
    const change: Step = {
      query: query
        .updateTable("agent_tasks")
        .set({ doc: JSON.stringify(now) })
        .where("tenant_id", "=", tenantId)
        .where("id", "=", id)
        .where("state", "=", was.state)
        .$if(lease !== undefined, (q) => q.where("lease_id", "=", lease ?? ""))
        .returning("id"),
    };
    if (answer === undefined) return ((await this.#writes.run("agent_task", [change]))[0]?.rows.length ?? 0) > 0;
    // Only what this very change made final gets the answer: a primary key that is there already belongs to another.
    const isMine = query
      .selectFrom("agent_tasks")
      .where("id", "=", id)
      .where("state", "=", now.state)
      .where("doc", "=", JSON.stringify(now))
      .select(["id", sql.lit("answer").as("part"), sql.val(JSON.stringify(answer)).as("json")]);
    const results = await this.#writes.run("agent_task", [
      change,
      {
        query: query
          .insertInto("agent_messages")
          .columns(["task_id", "part", "json"])
          .expression(isMine)
          .onConflict((conflict) => conflict.columns(["task_id", "part"]).doNothing()),
      },
      ...(now.state === "dead" ? this.#trimDead(tenantId, maxDead) : []),
    ]);
    return (results[0]?.rows.length ?? 0) > 0;
  }

  async overdue(nowMs: number, limit: number): Promise<readonly AgentTaskRecord[]> {
    const leases = query
      .selectFrom("agent_tasks")
      .select("doc")
      .where("state", "=", sql.lit("leased"))
      .where("lease_until_ms", "<=", nowMs)
      .orderBy("lease_until_ms")
      .limit(limit);
    const deadlines = query
      .selectFrom("agent_tasks")
      .select("doc")
      .where(isOpen)
      .where("deadline_ms", "<=", nowMs)
      .orderBy("deadline_ms")
      .limit(limit);
    const found = [...this.#reader.all(deadlines), ...this.#reader.all(leases)].map(fromDoc<AgentTaskRecord>);
    return [...new Map(found.map((task) => [task.id, task])).values()].slice(0, limit);
  }

  async nextMs(nowMs: number): Promise<number | undefined> {
    const times = [
      this.#reader.first(
        query
          .selectFrom("agent_tasks")
          .select(({ fn }) => fn.min("lease_until_ms").as("ms"))
          .where("state", "=", sql.lit("leased")),
      ),
      this.#reader.first(
        query
          .selectFrom("agent_tasks")
          .select(({ fn }) => fn.min("deadline_ms").as("ms"))
          .where(isOpen),
      ),
      this.#reader.first(
        query
          .selectFrom("agent_tasks")
          .select(({ fn }) => fn.min("due_ms").as("ms"))
          .where("state", "=", sql.lit("queued"))
          .where("due_ms", ">", nowMs),
      ),
    ].flatMap((row) => (row?.ms == null ? [] : [row.ms]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  async load(tenantId: string): Promise<ReadonlyMap<string, number>> {
    const rows = this.#reader.all(
      query
        .selectFrom("agent_tasks")
        .select(["agent", ({ fn }) => fn.countAll<number>().as("count")])
        .where("tenant_id", "=", tenantId)
        .where(isOpen)
        .where("agent", "is not", null)
        .groupBy("agent"),
    );
    return new Map(rows.map(({ agent, count }) => [agent ?? "", count]));
  }

  async release(tenantId: string, agent: string): Promise<number> {
    const [result] = await this.#writes.run("agent_task", [
      {
        query: query
          .updateTable("agent_tasks")
          .set({ doc: sql<string>`json_remove(doc, '$.agent')` })
          .where("tenant_id", "=", tenantId)
          .where("agent", "=", agent)
          .where("state", "=", sql.lit("queued"))
          .where(sql<boolean>`doc ->> '$.pinned' = 0`),
      },
    ]);
    return result?.changes ?? 0;
  }

  async final(afterId: string, limit: number): Promise<readonly AgentTaskRecord[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("agent_tasks")
        .select("doc")
        .where(sql<boolean>`state NOT IN ('queued', 'leased')`)
        .where("id", ">", afterId)
        .orderBy("id")
        .limit(limit),
    );
    return rows.map(fromDoc<AgentTaskRecord>);
  }

  async removeRun(tenantId: string, runId: string): Promise<void> {
    const ofRun = query
      .selectFrom("agent_tasks")
      .select("id")
      .where("tenant_id", "=", tenantId)
      .where("run_id", "=", runId);
    await this.#writes.run("agent_task", [
      { query: query.deleteFrom("agent_messages").where("task_id", "in", ofRun) },
      {
        query: query
          .deleteFrom("agent_tasks")
          .where("tenant_id", "=", tenantId)
          .where("run_id", "=", runId)
          .where("state", "!=", "dead"),
      },
    ]);
  }

  #part(tenantId: string, id: string, part: "task" | "answer"): unknown {
    const row = this.#reader.first(
      query
        .selectFrom("agent_messages")
        .innerJoin("agent_tasks", "agent_tasks.id", "agent_messages.task_id")
        .select("json")
        .where("task_id", "=", id)
        .where("part", "=", part)
        .where("tenant_id", "=", tenantId),
    );
    return row === undefined ? undefined : JSON.parse(row.json);
  }

  #trimDead(tenantId: string, max: number): readonly Step[] {
    const dead = query
      .selectFrom("agent_tasks")
      .select("id")
      .where("tenant_id", "=", tenantId)
      .where("state", "=", "dead")
      .orderBy("id", "desc")
      .limit(-1)
      .offset(max);
    return [
      { query: query.deleteFrom("agent_messages").where("task_id", "in", dead) },
      { query: query.deleteFrom("agent_tasks").where("id", "in", dead) },
    ];
  }
}
