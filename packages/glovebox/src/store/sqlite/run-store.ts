import { type Compilable, CompiledQuery, sql } from "kysely";
import { GloveboxError, type Run, type RunStatus, type Usage } from "../../core/index.ts";
import { pageWindow, toPage } from "../page-cursor.ts";
import type { JournalHead, JournalRow, RunFilter, RunPatch, RunStore, StoredRun } from "../run-records.ts";
import type { Page } from "../store.ts";
import { checkId, fromDoc } from "./document.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { patchedJson, query } from "./query.ts";
import type { RunRemovals } from "./run-removals.ts";
import { literals } from "./session-store.ts";

const UNFINISHED: readonly RunStatus[] = ["queued", "running", "waiting"];
const MAX_READ = 10_000;
const MAX_UNFINISHED = 1000;

const MOVE_HEAD = "UPDATE runs SET head_seq = ?, head_hash = ? WHERE id = ? AND head_seq = ? AND head_hash = ?";
const INSERT_RECORDS = `
INSERT INTO run_records (run_id, seq, ts, type, step, attempt, place, payload, payload_hash, hash)
SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each(?)`;

const IS_DEAD = sql<boolean>`(doc ->> '$.error.details.failures' IS NOT NULL OR doc ->> '$.error.details.deaths' IS NOT NULL
  OR doc ->> '$.error.code' = 'queue_full')`;

interface RunRow {
  readonly doc: string;
  readonly head_seq: number;
  readonly head_hash: string;
}

export class SqliteRunStore implements RunStore {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;
  readonly #removals: RunRemovals;

  constructor(reader: MainReader, writes: MainWrites, removals: RunRemovals) {
    this.#reader = reader;
    this.#writes = writes;
    this.#removals = removals;
  }

  async create(run: Run, rows: readonly JournalRow[]): Promise<void> {
    checkId("run", run.id);
    const last = rows.at(-1);
    const insert = query.insertInto("runs").values({
      id: run.id,
      tenant_id: run.tenantId,
      doc: JSON.stringify(run),
      head_seq: last?.seq ?? 0,
      head_hash: last?.hash ?? "",
    });
    const onDuplicate = ["already_exists", `there is a run ${run.id}, or one with its idempotency key`] as const;
    await this.#writes.run("run", [{ query: insert, onDuplicate }, insertRows(run.id, rows)]);
  }

  async get(tenantId: string, id: string): Promise<StoredRun | undefined> {
    return toStored(
      this.#reader.first(
        query
          .selectFrom("runs")
          .select(["doc", "head_seq", "head_hash"])
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id),
      ),
    );
  }

  async byIdempotencyKey(tenantId: string, key: string): Promise<StoredRun | undefined> {
    return toStored(
      this.#reader.first(
        query
          .selectFrom("runs")
          .select(["doc", "head_seq", "head_hash"])
          .where("tenant_id", "=", tenantId)
          .where("idempotency_key", "=", key),
      ),
    );
  }

  async list(tenantId: string, filter: RunFilter = {}): Promise<Page<Run>> {
    const { limit, beforeId } = pageWindow(filter);
    let rows = query.selectFrom("runs").select("doc").where("tenant_id", "=", tenantId);
    if (beforeId !== undefined) rows = rows.where("id", "<", beforeId);
    if (filter.status !== undefined) rows = rows.where("status", "in", filter.status);
    if (filter.program !== undefined) rows = rows.where("program", "=", filter.program);
    if (filter.parentId !== undefined) rows = rows.where("parent_id", "=", filter.parentId);
    if (filter.dead === true) rows = rows.where("status", "=", "failed").where(IS_DEAD);
    const found = this.#reader.all(rows.orderBy("id", "desc").limit(limit + 1));
    return toPage(
      found.map((row) => fromDoc<Run>(row)),
      limit,
    );
  }

  async unfinished(afterId: string, limit: number): Promise<readonly StoredRun[]> {
    const rows = this.#reader.all(
      query
        .selectFrom("runs")
        .select(["doc", "head_seq", "head_hash"])
        .where("status", "in", literals(UNFINISHED))
        .where("id", ">", afterId)
        .orderBy("id")
        .limit(checked(limit, MAX_UNFINISHED)),
    );
    return rows.map((row) => toStored(row)).filter((stored) => stored !== undefined);
  }

  async append(runId: string, expected: JournalHead, rows: readonly JournalRow[], patch: RunPatch = {}): Promise<void> {
    const head = rows.at(-1) ?? expected;
    const isChanged = Object.keys(patch).length > 0;
    await this.#writes.run("run", [
      {
        query: isChanged ? moveHeadAndChange(runId, expected, head, patch) : moveHead(runId, expected, head),
        expect: "change",
        otherwise: ["conflict", `the journal of run ${runId} does not end at record ${expected.seq}`],
      },
      ...(rows.length === 0 ? [] : [insertRows(runId, rows)]),
    ]);
  }

  async read(
    runId: string,
    { afterSeq, limit, type }: { readonly afterSeq: number; readonly limit: number; readonly type?: string },
  ): Promise<readonly JournalRow[]> {
    const rows = query
      .selectFrom("run_records")
      .select(["seq", "ts", "type", "step", "attempt", "place", "payload", "payload_hash as payloadHash", "hash"])
      .where("run_id", "=", runId)
      .where("seq", ">", afterSeq)
      .orderBy("seq")
      .limit(checked(limit, MAX_READ));
    return this.#reader.all(type === undefined ? rows : rows.where("type", "=", type));
  }

  async erase(runId: string, seq: number): Promise<boolean> {
    const [, erased] = await this.#writes.run("run", [
      this.#removals.noteBlob(runId, seq),
      {
        query: query
          .updateTable("run_records")
          .set({ place: "erased", payload: null })
          .where("run_id", "=", runId)
          .where("seq", "=", seq)
          .where("place", "!=", "erased"),
      },
    ]);
    return (erased?.changes ?? 0) > 0;
  }

  async delete(tenantId: string, id: string): Promise<boolean> {
    const deleted = (await this.#writes.run("run", this.#removals.take([id], tenantId))).at(-1);
    if ((deleted?.changes ?? 0) === 0) return false;
    await this.#removals.removeRecords(id);
    return true;
  }

  async usage(tenantId: string): Promise<Usage> {
    const sum = (field: keyof Usage) => sql<number>`coalesce(sum(doc ->> ${sql.lit(`$.usage.${field}`)}), 0)`.as(field);
    const row = this.#reader.first(
      query
        .selectFrom("runs")
        .select([sum("tokens"), sum("dollars"), sum("toolCalls"), sum("sandboxSeconds")])
        .where("tenant_id", "=", tenantId),
    );
    return row ?? { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 };
  }
}

/** Without building the statement anew each time: this is on the path of every step. */
function moveHead(runId: string, expected: JournalHead, head: JournalHead): Compilable<unknown> {
  return compiled(MOVE_HEAD, [head.seq, head.hash, runId, expected.seq, expected.hash]);
}

function moveHeadAndChange(
  runId: string,
  expected: JournalHead,
  head: JournalHead,
  patch: RunPatch,
): Compilable<unknown> {
  return query
    .updateTable("runs")
    .set({ doc: patchedJson("doc", patch), head_seq: head.seq, head_hash: head.hash })
    .where("id", "=", runId)
    .where("head_seq", "=", expected.seq)
    .where("head_hash", "=", expected.hash);
}

function insertRows(runId: string, rows: readonly JournalRow[]): Step {
  // As one parameter, so that batches of every size are one statement.
  const batch = JSON.stringify(
    rows.map((row) => [
      row.seq,
      row.ts,
      row.type,
      row.step,
      row.attempt,
      row.place,
      row.payload,
      row.payloadHash,
      row.hash,
    ]),
  );
  return {
    query: compiled(INSERT_RECORDS, [runId, batch]),
    onDuplicate: ["conflict", `the journal of run ${runId} has another record at that place`],
  };
}

function compiled(statement: string, parameters: readonly unknown[]): Compilable<unknown> {
  return { compile: () => CompiledQuery.raw(statement, [...parameters]) };
}

function toStored(row: RunRow | undefined): StoredRun | undefined {
  return row === undefined ? undefined : { run: fromDoc<Run>(row), head: { seq: row.head_seq, hash: row.head_hash } };
}

function checked(limit: number, max: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= max) return limit;
  throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${max}`, {
    details: { path: "limit" },
  });
}
