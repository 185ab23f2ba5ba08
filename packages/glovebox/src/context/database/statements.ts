import type Database from "better-sqlite3";
import type { Statement } from "better-sqlite3";

/** A connection's prepared statements: making one costs SQLite more than most of ours take. For texts that are written down in the code, since all are kept. */
export class Statements {
  readonly #db: Database;
  readonly #prepared = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  of(sql: string): Statement {
    const statement = this.#prepared.get(sql) ?? this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
