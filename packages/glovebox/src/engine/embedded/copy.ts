import type { Redactor } from "../../core/index.ts";
import { type Clock, canonicalJson, GloveboxError, newId, type Run, toTimestamp } from "../../core/index.ts";
import type { JournalHead, JournalRow, StoredRun } from "../../store/index.ts";
import { NO_USAGE } from "../budget.ts";
import type { ForkOptions } from "../durable-engine.ts";
import { EMPTY_HEAD, linkHash, seal } from "../journal/chain.ts";
import { corrupt, type JournalSource, toRecord, verifiedPages } from "../journal/reader.ts";
import type { Payloads } from "../journal/record.ts";
import { type ImportReport, JournalImport, linesOf } from "../journal/transfer.ts";
import { toJournalValue } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import { isObject, mergePatch } from "../merge-patch.ts";
import { type Cut, findCut, isCopied } from "./cut.ts";
import { counts, refuseErased } from "./opening.ts";
import { type Voids, voidsOf } from "./voids.ts";

const BATCH = 500;

/** Makes a run whose journal comes in pieces. Until the last piece it stands there as failed, so that nobody takes it up half made. */
class GrowingRun {
  readonly #source: JournalSource;
  readonly #run: Run;
  #stored: JournalHead | undefined;
  #rows: JournalRow[] = [];

  constructor(source: JournalSource, run: Run) {
    this.#source = source;
    this.#run = run;
  }

  async add(row: JournalRow): Promise<void> {
    this.#rows.push(row);
    if (this.#rows.length >= BATCH) await this.#write();
  }

  /** `undefined` in the patch takes a field away. */
  async finish(patch: { readonly [K in keyof Run]?: Run[K] | undefined }): Promise<StoredRun> {
    await this.#write();
    const head = this.#stored ?? EMPTY_HEAD;
    const { id: _id, tenantId: _tenantId, createdAt: _createdAt, ...changes } = patch;
    await this.#source.runs.append(this.#run.id, head, [], { error: undefined, ...changes });
    const stored = await this.#source.runs.get(this.#run.tenantId, this.#run.id);
    if (stored === undefined) throw new GloveboxError("store_failed", `run ${this.#run.id} is gone`);
    return stored;
  }

  async remove(): Promise<void> {
    if (this.#stored !== undefined) await this.#source.runs.delete(this.#run.tenantId, this.#run.id);
  }

  async #write(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    const last = rows.at(-1);
    if (last === undefined) return;
    if (this.#stored === undefined) await this.#source.runs.create(this.#run, rows);
    else await this.#source.runs.append(this.#run.id, this.#stored, rows);
    this.#stored = { seq: last.seq, hash: last.hash };
  }
}

function halfMade(run: Omit<Run, "status" | "error" | "usage" | "resumes" | "priority">): Run {
  const error = { code: "unavailable", message: "the run was being made when the process ended" } as const;
  return { ...run, priority: 0, usage: NO_USAGE, resumes: 0, status: "failed", error };
}

/** Copies a run's history up to the step's first record. `not_found` when there is none. */
export async function forkRun(
  parts: { readonly source: JournalSource; readonly clock: Clock; readonly redactor: Redactor | undefined },
  original: StoredRun,
  opening: Payloads["run.started"],
  options: ForkOptions,
): Promise<StoredRun> {
  const { source, clock, redactor } = parts;
  const { run } = original;
  const { step } = options;
  const voids = await voidsOf(source, original);
  const cut = await findCut(source, original, voids, step);
  const given = await changedInput(source, run.id, cut, options, redactor);
  const forkedFrom = { runId: run.id, step };
  const overrides: { [path: string]: JsonValue } = {
    ...opening.overrides,
    ...(given === undefined ? {} : { [step]: given }),
  };
  const id = newId();
  const { tenantId, program, version, inputHash } = run;
  const createdAt = toTimestamp(clock.nowMs());
  const budget = run.budget === undefined ? {} : { budget: run.budget };
  const fork = new GrowingRun(
    source,
    halfMade({ id, tenantId, program, version, inputHash, createdAt, forkedFrom, ...budget }),
  );
  const text = canonicalJson({ ...opening, overrides, forkedFrom, copied: cut.records });
  const first = seal(id, EMPTY_HEAD, { ts: clock.nowMs(), type: "run.started", step: null, attempt: null }, text);
  if (first.place === "blob") await source.blobs.put(Buffer.from(text, "utf8"));
  try {
    await fork.add(first);
    let head: JournalHead = first;
    for await (const row of rowsUntil(source, original, voids, cut)) {
      const linked = { ...row, seq: head.seq + 1 };
      head = { ...linked, hash: linkHash(id, head.hash, linked) };
      await fork.add({ ...linked, hash: head.hash });
    }
    return await fork.finish({ status: "queued", endedAt: undefined });
  } catch (error) {
    await fork.remove();
    throw error;
  }
}

async function* rowsUntil(
  source: JournalSource,
  { run, head }: StoredRun,
  voids: Voids,
  { toSeq }: Cut,
): AsyncGenerator<JournalRow> {
  for await (const rows of verifiedPages(source, run.id, head)) {
    for (const row of rows) {
      if (row.seq > toSeq) return;
      if (isCopied(row) && counts(run.id, row, voids)) yield row;
    }
  }
}

/** What the fork's step gets instead of what its program says. */
async function changedInput(
  source: JournalSource,
  runId: string,
  { first }: Cut,
  { step, input, patch }: ForkOptions,
  redactor: Redactor | undefined,
): Promise<JsonValue | undefined> {
  if (input === undefined && patch === undefined) return undefined;
  if (input !== undefined && patch !== undefined) throw unfit("patch", "either input or patch is given, not both");
  const record = await toRecord(source, runId, first);
  refuseErased(record);
  const started = record.type === "step.started" ? record.payload : undefined;
  if (started === undefined || (started.kind !== "step" && started.kind !== "child")) {
    throw unfit("step", `${step} is neither a step nor a child, which alone get something that can be changed`);
  }
  if (patch === undefined) return toJournalValue(input, "the input", redactor);
  const got = started.kind === "step" ? started.input : (started.input as { input?: JsonValue } | undefined)?.input;
  if (!isObject(got)) throw unfit("patch", `what ${step} got is no object, so nothing of it can be patched`);
  return mergePatch(got, toJournalValue(patch, "the patch", redactor));
}

function unfit(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path } });
}

type Ending = Pick<Run, "status"> & Partial<Pick<Run, "error" | "endedAt">>;

const UNFINISHED: Ending = {
  status: "failed",
  error: { code: "unavailable", message: "the journal was exported before the run's end" },
};

/** Reads an exported journal into a run of the tenant's. Nothing of it stays when it turns out to be damaged. */
export async function importRun(
  source: JournalSource,
  tenantId: string,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<ImportReport> {
  const reading = new JournalImport();
  let growing: GrowingRun | undefined;
  let final: Ending = UNFINISHED;
  let rollbacks = 0;
  try {
    for await (const line of linesOf(pieces)) {
      const taken = reading.take(line);
      if (taken === undefined) continue;
      const { row, large } = taken;
      if (large !== undefined) await source.blobs.put(Buffer.from(large, "utf8"));
      growing ??= new GrowingRun(source, importedRun(tenantId, reading.header?.runId ?? "", row, large));
      await growing.add(row);
      if (row.type === "rollback") rollbacks += 1;
      final = row.type === "rollback" ? UNFINISHED : (finalStateOf(row, large) ?? final);
    }
    reading.finish();
    if (growing === undefined) throw corrupt(reading.header?.runId ?? "", 1, "it has no records");
    await growing.finish({ ...final, ...(rollbacks === 0 ? {} : { rollbacks }) });
  } catch (error) {
    await growing?.remove();
    throw error;
  }
  const { head, torn } = reading;
  return { runId: reading.header?.runId ?? "", records: head.seq, ...(torn === undefined ? {} : { torn }) };
}

function importedRun(tenantId: string, id: string, row: JournalRow, large: string | undefined): Run {
  const text = large ?? row.payload;
  if (row.type !== "run.started" || text === null) throw corrupt(id, 1, "it does not begin with run.started");
  const { program, version, inputHash } = JSON.parse(text) as Payloads["run.started"];
  if (typeof program !== "string" || typeof version !== "string" || typeof inputHash !== "string") {
    throw corrupt(id, 1, "it does not say which program ran");
  }
  return halfMade({ id, tenantId, program, version, inputHash, createdAt: toTimestamp(row.ts), imported: true });
}

function finalStateOf({ type, ts, payload }: JournalRow, large: string | undefined): Ending | undefined {
  const endedAt = toTimestamp(ts);
  if (type === "run.completed") return { status: "completed", endedAt };
  if (type !== "run.failed" && type !== "run.cancelled") return undefined;
  const { error } = JSON.parse(large ?? payload ?? "{}") as Partial<Payloads["run.failed"]>;
  return { status: type === "run.failed" ? "failed" : "cancelled", endedAt, ...(error === undefined ? {} : { error }) };
}
