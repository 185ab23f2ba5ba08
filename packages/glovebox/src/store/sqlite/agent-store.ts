import type { AgentRecord, AgentStore } from "../agent-records.ts";
import { fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

export class SqliteAgentStore implements AgentStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async put(agent: AgentRecord, { max }: { readonly max: number }): Promise<void> {
    const { tenantId, name } = agent;
    const doc = JSON.stringify(agent);
    await this.#writes.run("agent", [
      {
        query: query
          .selectFrom("agents")
          .select("name")
          .where("tenant_id", "=", tenantId)
          .where("name", "!=", name)
          .limit(1)
          .offset(max - 1),
        expect: "no_row",
        otherwise: ["resource_exhausted", `there are ${max} agents already, which is the most`],
      },
      {
        query: query
          .insertInto("agents")
          .values({ tenant_id: tenantId, name, doc })
          .onConflict((conflict) => conflict.columns(["tenant_id", "name"]).doUpdateSet({ doc })),
      },
    ]);
  }

  async get(tenantId: string, name: string): Promise<AgentRecord | undefined> {
    const row = this.#reader.first(
      query.selectFrom("agents").select("doc").where("tenant_id", "=", tenantId).where("name", "=", name),
    );
    return row === undefined ? undefined : fromDoc<AgentRecord>(row);
  }

  async list(tenantId: string): Promise<readonly AgentRecord[]> {
    const rows = this.#reader.all(
      query.selectFrom("agents").select("doc").where("tenant_id", "=", tenantId).orderBy("name"),
    );
    return rows.map(fromDoc<AgentRecord>);
  }

  async delete(tenantId: string, name: string): Promise<boolean> {
    const [result] = await this.#writes.run("agent", [
      { query: query.deleteFrom("agents").where("tenant_id", "=", tenantId).where("name", "=", name) },
    ]);
    return (result?.changes ?? 0) > 0;
  }
}
