import type Database from "better-sqlite3";
import type { SqlValue } from "better-sqlite3";
import { errorCode } from "../connection.ts";
import { StatementCache } from "../statement-cache.ts";
import type { SqlRequest, Statement, StatementResult, WriteReply } from "./messages.ts";
import { type Unit, UnitUndone } from "./transaction.ts";

/** Runs compiled statements on the main database. */
export class MainDatabase {
  readonly db: Database;
  readonly #statements: StatementCache;

  constructor(db: Database) {
    this.db = db;
    this.#statements = new StatementCache(db);
  }

  unit(request: SqlRequest): Unit {
    return { id: request.id, apply: () => this.#apply(request) };
  }

  /** Runs commits that are on disk only with the next one that waits for it: a power cut may lose them, an ended process not. */
  withoutWaiting<T>(commit: () => T): T {
    this.db.pragma("synchronous = NORMAL");
    try {
      return commit();
    } finally {
      this.db.pragma("synchronous = FULL");
    }
  }

  #apply(request: SqlRequest): WriteReply {
    const results = request.statements.map((statement, index) => {
      const result = this.#run(request.id, statement, index);
      if (!isMet(statement, result)) throw new UnitUndone({ id: request.id, type: "unmet", index });
      return result;
    });
    return { id: request.id, type: "done", results };
  }

  #run(id: number, statement: Statement, index: number): StatementResult {
    try {
      const prepared = this.#statements.get(statement.sql);
      if (!prepared.reader) return { changes: prepared.run(...statement.parameters).changes, rows: [] };
      const rows = prepared.all(...statement.parameters) as Record<string, SqlValue>[];
      return { changes: rows.length, rows };
    } catch (error) {
      // A constraint concerns this unit only; everything else may concern the whole transaction.
      const code = errorCode(error);
      if (!code.startsWith("SQLITE_CONSTRAINT")) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new UnitUndone({ id, type: "failed", index, code, message });
    }
  }
}

function isMet({ expect }: Statement, { changes, rows }: StatementResult): boolean {
  if (expect === "row") return rows.length > 0;
  if (expect === "no_row") return rows.length === 0;
  return expect !== "change" || changes > 0;
}
