import { sql } from "kysely";
import type { CiRun } from "../../core/index.ts";
import type { CiGroupMember, CiRunFilter, CiRunStore } from "../ci-run-records.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { Page } from "../store.ts";
import { checkId, fromDoc, returnedDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { query } from "./query.ts";

const UNFINISHED_AT_MOST = 100_000;

export class SqliteCiRunStore implements CiRunStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;

  constructor(reader: MainReader, writes: MainWrites) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async create(run: CiRun): Promise<CiRun> {
    checkId("CI run", run.id);
    const { id, tenantId, repository } = run;
    const { path } = run.workflow;
    const isNew = run.attempt === 1;
    const last = sql`(SELECT last FROM ci_numbers WHERE tenant_id = ${tenantId} AND repository = ${repository} AND workflow = ${path})`;
    const given = JSON.stringify(run);
    const doc = isNew ? sql<string>`json_set(${given}, '$.number', ${last})` : sql<string>`${given}`;
    const count = sql`INSERT INTO ci_numbers (tenant_id, repository, workflow, last)
      SELECT ${tenantId}, ${repository}, ${path}, 1 WHERE NOT EXISTS (SELECT 1 FROM ci_runs WHERE id = ${id})
      ON CONFLICT DO UPDATE SET last = last + 1`;
    const steps: Step[] = [
      ...(isNew ? [{ query: { compile: () => count.compile(query) } }] : []),
      {
        query: query
          .insertInto("ci_runs")
          .values({ id, tenant_id: tenantId, doc })
          .onConflict((conflict) => conflict.doNothing()),
      },
      { query: query.selectFrom("ci_runs").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id) },
    ];
    const results = await this.#writes.run("ci_run", steps);
    return returnedDoc<CiRun>(results.at(-1)) ?? run;
  }

  async put(run: CiRun): Promise<boolean> {
    const [result] = await this.#writes.run("ci_run", [
      {
        query: query
          .updateTable("ci_runs")
          .set({ doc: JSON.stringify(run) })
          .where("tenant_id", "=", run.tenantId)
          .where("id", "=", run.id),
      },
    ]);
    return (result?.changes ?? 0) > 0;
  }

  async get(tenantId: string, id: string): Promise<CiRun | undefined> {
    const row = this.#reader.first(
      query.selectFrom("ci_runs").select("doc").where("tenant_id", "=", tenantId).where("id", "=", id),
    );
    return row === undefined ? undefined : fromDoc<CiRun>(row);
  }

  async list(tenantId: string, filter: CiRunFilter = {}): Promise<Page<CiRun>> {
    const { limit, beforeId } = pageWindow(filter);
    const { status, conclusion } = filter;
    const columns = {
      repository_id: filter.repositoryId,
      repository: filter.repository,
      workflow: filter.workflow,
      event: filter.event,
      ref: filter.ref,
      sha: filter.sha,
    };
    let found = query.selectFrom("ci_runs").select("doc").where("tenant_id", "=", tenantId);
    for (const [column, value] of Object.entries(columns)) {
      if (value !== undefined) found = found.where(column as keyof typeof columns, "=", value);
    }
    if (status !== undefined) found = found.where("status", "in", [...status]);
    if (conclusion !== undefined) found = found.where("conclusion", "in", [...conclusion]);
    if (beforeId !== undefined) found = found.where("id", "<", beforeId);
    const rows = this.#reader.all(found.orderBy("id", "desc").limit(limit + 1));
    return toPage(rows.map(fromDoc<CiRun>), limit);
  }

  async unfinished(): Promise<readonly CiRun[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("ci_runs")
        .select("doc")
        .where("status", "<>", "completed")
        .orderBy("id")
        .limit(UNFINISHED_AT_MOST),
    );
    return rows.map(fromDoc<CiRun>);
  }

  async inUse(what: "archive" | "secrets" | "id", ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const rows = this.#reader.all(
      query
        .selectFrom("ci_runs")
        .select(`${what} as id`)
        .distinct()
        .where(what, "in", [...ids]),
    );
    return new Set(rows.flatMap(({ id }) => (id === null ? [] : [id])));
  }

  async group(tenantId: string, name: string): Promise<readonly CiGroupMember[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("ci_group_members")
        .select(["run_id", "job_key", "state"])
        .where("tenant_id", "=", tenantId)
        .where("name", "=", name)
        .orderBy("seq"),
    );
    return rows.map(({ run_id: runId, job_key: jobKey, state }) => ({ tenantId, runId, jobKey, state }));
  }

  async groups() {
    const rows = this.#reader.all(query.selectFrom("ci_group_members").select(["tenant_id", "name"]).distinct());
    return rows.map(({ tenant_id: tenantId, name: group }) => ({ tenantId, group }));
  }

  async groupsOf(tenantId: string, runId: string) {
    const rows = this.#reader.all(
      query
        .selectFrom("ci_group_members")
        .select(["name", "job_key"])
        .where("tenant_id", "=", tenantId)
        .where("run_id", "=", runId)
        .orderBy("seq"),
    );
    return rows.map(({ name: group, job_key: jobKey }) => ({ group, jobKey }));
  }

  async changeGroup(
    tenantId: string,
    name: string,
    change: { readonly put?: readonly CiGroupMember[]; readonly remove?: readonly CiGroupMember[] },
  ): Promise<void> {
    const next = sql<number>`(SELECT coalesce(max(seq), 0) + 1 FROM ci_group_members WHERE tenant_id = ${tenantId} AND name = ${name})`;
    const steps: Step[] = [
      ...(change.remove ?? []).map(({ runId, jobKey }) => ({
        query: query
          .deleteFrom("ci_group_members")
          .where("tenant_id", "=", tenantId)
          .where("name", "=", name)
          .where("run_id", "=", runId)
          .where("job_key", "=", jobKey),
      })),
      ...(change.put ?? []).map(({ runId, jobKey, state }) => ({
        query: query
          .insertInto("ci_group_members")
          .values({ tenant_id: tenantId, name, run_id: runId, job_key: jobKey, state, seq: next })
          .onConflict((conflict) => conflict.doUpdateSet({ state })),
      })),
    ];
    if (steps.length > 0) await this.#writes.run("ci_run", steps);
  }
}
