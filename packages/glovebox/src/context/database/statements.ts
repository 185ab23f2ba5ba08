import type Database from "better-sqlite3";
import type { Statement } from "better-sqlite3";

/**
 * A connection's prepared statements: making one costs SQLite more than most of ours take. For texts that are written down in the code, since all are kept.
 *
 * In joins write `= +?` instead of `= ?`: this SQLite is built with STAT4, and prepares a join anew for each value that is bound to a comparison with a column (0.1 ms for four tables), unless
 * the value is an expression.
 */
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
