import { sql } from "kysely";
import type { Conversation, ConversationTurn } from "../../core/index.ts";
import type { ConversationPatch, ConversationStore } from "../conversation-records.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page, PageRequest } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";

export class SqliteConversationStore implements ConversationStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(conversation: Conversation, turns: readonly ConversationTurn[] = []): Promise<void> {
    checkId("conversation", conversation.id);
    const { id, tenantId } = conversation;
    const taken = ["already_exists", `there is a conversation ${id} already`] as const;
    await this.#writes.run("conversation", [
      {
        query: query.insertInto("conversations").values({ id, tenant_id: tenantId, doc: JSON.stringify(conversation) }),
        onDuplicate: taken,
      },
      ...turns.map((turn) => ({ query: insertTurn(id, turn) })),
    ]);
  }

  async get(tenantId: string, id: string): Promise<Conversation | undefined> {
    const row = this.#reader.first(
      query.selectFrom("conversations").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Conversation>(row);
  }

  async list(tenantId: string, page?: PageRequest & { readonly assistant?: string }): Promise<Page<Conversation>> {
    const { limit, beforeId } = pageWindow(page);
    const assistant = page?.assistant;
    const rows = this.#reader.all(
      query
        .selectFrom("conversations")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(assistant !== undefined, (q) => q.where("assistant", "=", assistant ?? ""))
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Conversation>), limit);
  }

  async turns(tenantId: string, id: string): Promise<readonly ConversationTurn[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("conversation_turns")
        .innerJoin("conversations", "conversations.id", "conversation_turns.conversation_id")
        .select(["run_id", "messages"])
        .where("conversations.tenant_id", "=", tenantId)
        .where("conversation_id", "=", id)
        .orderBy("seq"),
    );
    return rows.map(({ run_id: runId, messages }) => ({
      runId,
      messages: JSON.parse(messages) as ConversationTurn["messages"],
    }));
  }

  async beginTurn(tenantId: string, id: string, runId: string, at: string): Promise<void> {
    const mine = existing(tenantId, id);
    const isFree = mine.where((where) =>
      where.or([where("current_run_id", "is", null), where("current_run_id", "=", runId)]),
    );
    await this.#writes.run("conversation", [
      { query: mine.select("id"), expect: "row", otherwise: ["not_found", `no conversation ${id}`] },
      { query: isFree.select("id"), expect: "row", otherwise: TURN_UNDER_WAY },
      { query: updated(tenantId, id, { currentRunId: runId, updatedAt: at }) },
    ]);
  }

  async endTurn(tenantId: string, id: string, turn: ConversationTurn, at: string): Promise<boolean> {
    const count = sql<number>`(SELECT count(*) FROM conversation_turns WHERE conversation_id = ${id})`;
    const doc = sql<string>`json_set(${patchedJson("doc", { updatedAt: at })}, '$.turns', ${count})`;
    // Only of the turn that ends: another one may have begun when this is done a second time.
    const ended = sql<string>`CASE WHEN current_run_id = ${turn.runId} THEN json_remove(${doc}, '$.currentRunId') ELSE ${doc} END`;
    const results = await this.#writes.run("conversation", [
      { query: insertTurn(id, turn, tenantId) },
      {
        query: query
          .updateTable("conversations")
          .set({ doc: ended })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id),
      },
    ]);
    return (results.at(-1)?.changes ?? 0) > 0;
  }

  async update(tenantId: string, id: string, patch: ConversationPatch): Promise<boolean> {
    const results = await this.#writes.run("conversation", [{ query: updated(tenantId, id, patch) }]);
    return (results.at(-1)?.changes ?? 0) > 0;
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const mine = existing(tenantId, id);
    const steps: Step[] = [
      {
        query: mine.where("current_run_id", "is not", null).select("id"),
        expect: "no_row",
        otherwise: TURN_UNDER_WAY,
      },
      { query: query.deleteFrom("conversation_turns").where("conversation_id", "in", mine.select("id")) },
      { query: query.deleteFrom("approvals").where("conversation_id", "in", mine.select("id")) },
      { query: query.deleteFrom("conversations").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ];
    const results = await this.#writes.run("conversation", steps);
    return (results.at(-1)?.changes ?? 0) > 0;
  }
}

const TURN_UNDER_WAY = ["conflict", "a turn of the conversation is under way"] as const;

function existing(tenantId: string, id: string) {
  return query.selectFrom("conversations").where("tenant_id", "=", tenantId).where("id", "=", id);
}

function updated(tenantId: string, id: string, patch: Readonly<Record<string, unknown>>) {
  return query
    .updateTable("conversations")
    .set({ doc: patchedJson("doc", patch) })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id);
}

/** After those that are there, once. With a tenant: only into a conversation of theirs. */
function insertTurn(id: string, { runId, messages }: ConversationTurn, tenantId?: string) {
  const seq = sql<number>`(SELECT coalesce(max(seq), 0) + 1 FROM conversation_turns WHERE conversation_id = ${id})`;
  return query
    .insertInto("conversation_turns")
    .columns(["conversation_id", "run_id", "seq", "messages"])
    .expression(
      query
        .selectFrom("conversations")
        .select([
          "id",
          sql<string>`${runId}`.as("run_id"),
          seq.as("seq"),
          sql<string>`${JSON.stringify(messages)}`.as("messages"),
        ])
        .where("id", "=", id)
        .$if(tenantId !== undefined, (q) => q.where("tenant_id", "=", tenantId ?? "")),
    )
    .onConflict((conflict) => conflict.doNothing());
}
