import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Execution, Session, StoredEvent, StreamRef, Template, Token } from "../../core/index.ts";
import type { SessionInternals } from "../index.ts";

/** What is in a golden folder, as `golden/vN-expected.json` says. */
export interface Golden {
  readonly template: Template;
  readonly session: Session;
  readonly internals: SessionInternals;
  readonly execution: Execution;
  readonly token: Token;
  readonly setting: unknown;
  readonly stream: StreamRef;
  readonly events: readonly StoredEvent[];
  readonly state: unknown;
}

export const GOLDEN_FOLDER = join(import.meta.dirname, "golden");

/** Makes a data folder out of the SQL text that a released version's databases were dumped to. */
export async function loadGolden(version: number, dataDir: string): Promise<void> {
  await mkdir(join(dataDir, "events"), { recursive: true });
  for (const name of await readdir(GOLDEN_FOLDER)) {
    const match = new RegExp(`^v${version}-(glovebox|events-\\d{8})\\.sql$`).exec(name);
    if (match === null) continue;
    const file = join(dataDir, match[1] === "glovebox" ? "glovebox.db" : `events/${match[1]}.db`);
    for (const suffix of ["", "-wal", "-shm"]) await rm(file + suffix, { force: true });
    const db = new Database(file);
    db.pragma("journal_mode = WAL");
    db.exec(await readFile(join(GOLDEN_FOLDER, name), "utf8"));
    db.close();
  }
}

/** A database as SQL text: its schema, its rows, its version. */
export function dumpDatabase(file: string): string {
  const db = new Database(file, { readonly: true });
  try {
    const schema = db
      .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index', rowid")
      .all() as { type: string; name: string; sql: string }[];
    const parts = schema.filter(({ type }) => type === "table").flatMap(({ name, sql }) => [`${sql};`, ...dumpRows(db, name)]);
    parts.push(...schema.filter(({ type }) => type === "index").map(({ sql }) => `${sql};`));
    return `${parts.join("\n")}\nPRAGMA user_version = ${String(db.pragma("user_version", { simple: true }))};\n`;
  } finally {
    db.close();
  }
}

function dumpRows(db: Database, table: string): string[] {
  const columns = db.prepare(`SELECT name FROM pragma_table_xinfo('${table}') WHERE hidden = 0`).pluck().all() as string[];
  const values = columns.map((name) => `quote("${name}")`).join(" || ', ' || ");
  const rows = db.prepare(`SELECT ${values} FROM "${table}"`).pluck().all() as string[];
  return rows.map((row) => `INSERT INTO "${table}" (${columns.map((name) => `"${name}"`).join(", ")}) VALUES (${row});`);
}
