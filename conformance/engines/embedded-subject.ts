import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type DurableEngine, openEmbeddedEngine } from "../../packages/glovebox/src/engine/index.ts";
import { openSqliteStore } from "../../packages/glovebox/src/store/index.ts";
import type { EngineSubject, OpenOptions } from "./subject.ts";

/** The embedded engine on a store in a folder of its own. */
export async function embeddedSubject(): Promise<EngineSubject> {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-engine-"));
  return {
    open: (options) => openOn(dataDir, options),
    flipByte: async (runId, choose) => flipByte(join(dataDir, "glovebox.db"), runId, choose),
    place: dataDir,
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** An engine with its store; closing the one closes the other. */
export async function openOn(dataDir: string, options: OpenOptions = {}): Promise<DurableEngine> {
  const store = await openSqliteStore({ dataDir });
  const { concurrency, maxQueued, ...others } = options;
  const limits = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(maxQueued === undefined ? {} : { maxQueued }),
  };
  const engine = await openEmbeddedEngine({ determinism: "strict", ...others, store, scheduling: limits });
  const closeEngine = engine.close.bind(engine);
  const close: DurableEngine["close"] = async (how) => {
    await closeEngine(how);
    await store[Symbol.asyncDispose]();
  };
  return Object.assign(engine, { close, [Symbol.asyncDispose]: () => close() });
}

const COLUMNS = ["ts", "type", "step", "attempt", "place", "payload", "payload_hash", "hash"] as const;

function flipByte(file: string, runId: string, choose: (below: number) => number): string {
  const db = new Database(file);
  try {
    const seqs = db.prepare("SELECT seq FROM run_records WHERE run_id = ?").pluck().all(runId) as number[];
    const seq = seqs[choose(seqs.length)] ?? 1;
    const row = db
      .prepare(`SELECT ${COLUMNS.join(", ")} FROM run_records WHERE run_id = ? AND seq = ?`)
      .get(runId, seq);
    const cells = Object.entries(row as Record<string, string | number | null>).filter(([, value]) => value !== null);
    const [column, value] = cells[choose(cells.length)] ?? ["hash", ""];
    const update = db.prepare(`UPDATE run_records SET ${column} = ? WHERE run_id = ? AND seq = ?`);
    update.run(flipped(value ?? "", choose), runId, seq);
    return `${column} of record ${seq}`;
  } finally {
    db.close();
  }
}

function flipped(value: string | number, choose: (below: number) => number): string | number {
  if (typeof value === "number") return value ^ 1;
  const at = choose(value.length);
  // Stays one character, so that it can be stored as text.
  const other = String.fromCharCode((value.charCodeAt(at) ^ 1) & 0x7f);
  return value.slice(0, at) + other + value.slice(at + 1);
}
