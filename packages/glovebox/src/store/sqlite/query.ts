import {
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import type { Tables } from "./tables.ts";

/** Builds and compiles statements; it has no connection. The reader and the writer run what it compiles. */
export const query = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

const FIELD = /^[A-Za-z][A-Za-z0-9]*$/;

/**
 * An expression for the JSON in `column` with the fields of `patch` replaced whole; `undefined` removes a field. Done in the database,
 * so that two patches of different fields never undo each other.
 */
export function patchedJson(column: "doc" | "internals", patch: Readonly<Record<string, unknown>>): RawBuilder<string> {
  const set: RawBuilder<unknown>[] = [];
  const remove: RawBuilder<unknown>[] = [];
  for (const [field, value] of Object.entries(patch)) {
    if (!FIELD.test(field)) throw new TypeError(`not a field: ${field}`);
    const path = sql.lit(`$.${field}`);
    if (value === undefined) remove.push(sql`, ${path}`);
    else set.push(sql`, ${path}, json(${JSON.stringify(value)})`);
  }
  const replaced =
    set.length === 0
      ? sql<string>`${sql.ref(column)}`
      : sql<string>`json_set(${sql.ref(column)}${sql.join(set, sql``)})`;
  return remove.length === 0 ? replaced : sql<string>`json_remove(${replaced}${sql.join(remove, sql``)})`;
}
