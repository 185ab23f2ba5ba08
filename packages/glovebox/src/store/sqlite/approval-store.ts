import type { Approval, ApprovalStatus } from "../../core/index.ts";
import type { ApprovalDecision, ApprovalStore } from "../conversation-records.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page, PageRequest } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";

export class SqliteApprovalStore implements ApprovalStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(approval: Approval): Promise<void> {
    checkId("approval", approval.id);
    const { id, tenantId } = approval;
    await this.#writes.run("approval", [
      {
        query: query
          .insertInto("approvals")
          .values({ id, tenant_id: tenantId, doc: JSON.stringify(approval) })
          .onConflict((conflict) => conflict.doNothing()),
      },
    ]);
  }

  async get(tenantId: string, id: string): Promise<Approval | undefined> {
    const row = this.#reader.first(
      query.selectFrom("approvals").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<Approval>(row);
  }

  async list(
    tenantId: string,
    page?: PageRequest & { readonly status?: ApprovalStatus; readonly conversationId?: string },
  ): Promise<Page<Approval>> {
    const { limit, beforeId } = pageWindow(page);
    const { status, conversationId } = page ?? {};
    const rows = this.#reader.all(
      query
        .selectFrom("approvals")
        .select("doc")
        .where("tenant_id", "=", tenantId)
        .$if(status !== undefined, (q) => q.where("status", "=", status ?? ""))
        .$if(conversationId !== undefined, (q) => q.where("conversation_id", "=", conversationId ?? ""))
        .$if(beforeId !== undefined, (q) => q.where("id", "<", beforeId ?? ""))
        .orderBy("id", "desc")
        .limit(limit + 1),
    );
    return toPage(rows.map(fromDoc<Approval>), limit);
  }

  async decide(tenantId: string, id: string, { status, at, reason, by }: ApprovalDecision): Promise<boolean> {
    const patch = {
      status,
      decidedAt: at,
      ...(reason === undefined ? {} : { reason }),
      ...(by === undefined ? {} : { decidedBy: by }),
    };
    const results = await this.#writes.run("approval", [
      {
        query: query
          .updateTable("approvals")
          .set({ doc: patchedJson("doc", patch) })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .where("status", "=", "pending"),
      },
    ]);
    return (results.at(-1)?.changes ?? 0) > 0;
  }
}
