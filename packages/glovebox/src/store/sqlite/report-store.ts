import type { ReportRecord, ReportStore } from "../repository-records.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites } from "./main-writes.ts";
import { query } from "./query.ts";

interface ReportRow {
  readonly run_id: string;
  readonly tenant_id: string;
  readonly state: string;
  readonly done: number;
}

export class SqliteReportStore implements ReportStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async get(runId: string): Promise<ReportRecord | undefined> {
    const row = this.#reader.first(query.selectFrom("reports").selectAll().where("run_id", "=", runId));
    return row === undefined ? undefined : toReport(row);
  }

  async put({ runId, tenantId, state, done }: ReportRecord): Promise<void> {
    const change = { state: JSON.stringify(state), done: done ? 1 : 0 };
    await this.#writes.run("report", [
      {
        query: query
          .insertInto("reports")
          .values({ run_id: runId, tenant_id: tenantId, ...change })
          .onConflict((conflict) => conflict.column("run_id").doUpdateSet(change)),
      },
    ]);
  }

  async unfinished(): Promise<readonly ReportRecord[]> {
    return this.#reader
      .all(query.selectFrom("reports").selectAll().where("done", "=", 0).orderBy("run_id"))
      .map(toReport);
  }
}

function toReport(row: ReportRow): ReportRecord {
  return { runId: row.run_id, tenantId: row.tenant_id, state: JSON.parse(row.state), done: row.done === 1 };
}
