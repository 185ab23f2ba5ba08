import type Database from "better-sqlite3";
import type { SqlValue } from "better-sqlite3";
import type { Compilable } from "kysely";
import { openForReading, storeFailed } from "./connection.ts";
import { StatementCache } from "./statement-cache.ts";

/** Short reads of the main database on a connection of their own; they never wait for the writer. */
export class MainReader implements Disposable {
  readonly #db: Database;
  readonly #statements: StatementCache;

  constructor(file: string) {
    this.#db = openForReading(file);
    this.#statements = new StatementCache(this.#db);
  }

  all<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    try {
      return this.#statements.get(sql).all(...(parameters as readonly SqlValue[])) as Row[];
    } catch (error) {
      throw storeFailed("could not read", error);
    }
  }

  first<Row>(query: Compilable<Row>): Row | undefined {
    return this.all(query)[0];
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
