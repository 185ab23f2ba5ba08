import type Database from "better-sqlite3";
import { canonicalJson } from "../../core/index.ts";
import { toSql } from "../filters/to-sql.ts";
import type { Mirror } from "./mirror.ts";
import type { PreparedQuery } from "./query.ts";

/** Filters whose documents are remembered, the least recently used going first: a byte per document each. */
const MAX_REMEMBERED = 16;

interface Remembered {
  /** By a document's row: 1 where it passes. */
  documents: Uint8Array;
  revision: number;
}

type Conditions = Pick<PreparedQuery, "tenantId" | "scopes" | "filter" | "atRevision">;

/** Which documents a search may find. What was asked before is only brought up to date by the documents that changed since. */
export class AllowedDocuments {
  readonly #db: Database;
  readonly #mirror: Mirror;
  readonly #remembered = new Map<string, Remembered>();

  constructor(db: Database, mirror: Mirror) {
    this.#db = db;
    this.#mirror = mirror;
  }

  /** Changes only when {@link Mirror.revision} does. */
  of(conditions: Conditions): Remembered & { readonly key: string } {
    const { tenantId, scopes, filter, atRevision } = conditions;
    const key = canonicalJson({
      tenantId,
      scopes: scopes === undefined ? null : [...scopes].sort(),
      filter,
      atRevision,
    });
    const known = this.#remembered.get(key);
    this.#remembered.delete(key);
    const entry = known === undefined ? this.#all(conditions) : this.#update(conditions, known);
    this.#remembered.set(key, entry);
    if (this.#remembered.size > MAX_REMEMBERED) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    return { ...entry, key };
  }

  #all(conditions: Conditions): Remembered {
    const documents = new Uint8Array(this.#mirror.lastDocument + 1);
    for (const row of this.#rows(conditions, 0)) documents[row] = 1;
    return { documents, revision: this.#mirror.revision };
  }

  #update(conditions: Conditions, known: Remembered): Remembered {
    if (known.revision === this.#mirror.revision || conditions.atRevision !== undefined) return known;
    const documents = new Uint8Array(this.#mirror.lastDocument + 1);
    documents.set(known.documents);
    const changed = this.#db.prepare("SELECT row FROM document WHERE changed_revision > ?").pluck();
    for (const row of changed.iterate(known.revision)) documents[row as number] = 0;
    for (const row of this.#rows(conditions, known.revision)) documents[row] = 1;
    return { documents, revision: this.#mirror.revision };
  }

  /** In one text: of many, that is quicker than a row each. */
  #rows({ tenantId, scopes, filter, atRevision }: Conditions, changedAfter: number): number[] {
    const condition = filter === undefined ? { sql: "1", parameters: [] } : toSql(filter);
    const inScopes = scopes === undefined ? "1" : `d.scope IN (${scopes.map(() => "?").join(", ")})`;
    const version =
      atRevision === undefined
        ? "v.version = d.current"
        : "v.from_revision <= ? AND (v.to_revision IS NULL OR v.to_revision > ?)";
    const sql = `SELECT json_group_array(d.row) FROM document d JOIN version v ON v.document = d.row AND ${version}
      WHERE d.tenant = ? AND v.removed = 0 AND ${inScopes} AND d.changed_revision > ? AND ${condition.sql}`;
    const at = atRevision === undefined ? [] : [atRevision, atRevision];
    const rows = this.#db.prepare(sql).pluck();
    return JSON.parse(
      rows.get(...at, tenantId, ...(scopes ?? []), changedAfter, ...condition.parameters) as string,
    ) as number[];
  }
}
