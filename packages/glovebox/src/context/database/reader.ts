import type Database from "better-sqlite3";
import type { ContextDocument, Scope } from "../document.ts";
import type { Filter } from "../filters/filter.ts";
import { toSql } from "../filters/to-sql.ts";
import type { DocumentVersion, ScopeSnapshot, SpaceName } from "./messages.ts";
import { toVersion, VERSION_COLUMNS, type VersionRow } from "./rows.ts";
import { readTakeBackPlan, type TakeBackQuery, type TakeBackStep } from "./take-back-plan.ts";

/** Which version of a document: the current one, or the one of a number or a revision. */
export interface VersionChoice {
  readonly version?: number;
  readonly atRevision?: number;
}

export interface DocumentsQuery {
  readonly tenantId: string;
  readonly scopes?: readonly Scope[];
  readonly filter?: Filter;
  readonly atRevision?: number;
  /** Documents with an id after this one. */
  readonly afterId: string;
  readonly limit: number;
}

/** A chunk that has no vector in a space yet. */
export interface ChunkWithoutVector {
  readonly chunk: number;
  readonly textHash: string;
  readonly text: string;
  /** The vector that the same text has elsewhere in this space. */
  readonly known?: Uint8Array;
}

const CURRENT = "v.version = d.current";
const AT = "v.from_revision <= ? AND (v.to_revision IS NULL OR v.to_revision > ?)";

const MISSING =
  "FROM chunk c WHERE c.to_revision IS NULL AND NOT EXISTS (SELECT 1 FROM vector x WHERE x.chunk = c.row AND x.space = ?)";

/** Reads from the context store's database, in a reader's thread. */
export class Reader {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** `undefined` when there is no such version; one that ends a document is none. */
  get(tenantId: string, id: string, { version, atRevision }: VersionChoice): ContextDocument | undefined {
    const [condition, parameters] =
      version !== undefined
        ? ["v.version = ?", [version]]
        : atRevision !== undefined
          ? [AT, [atRevision, atRevision]]
          : [CURRENT, []];
    const sql = `SELECT ${VERSION_COLUMNS}, t.text FROM document d JOIN version v ON v.document = d.row AND ${condition as string}
      JOIN content t ON t.hash = v.content_hash WHERE d.tenant = ? AND d.id = ? AND v.removed = 0`;
    const row = this.#db.prepare(sql).get(...(parameters as number[]), tenantId, id) as
      | (VersionRow & { text: string })
      | undefined;
    if (row === undefined) return undefined;
    const { removed: _removed, ...document } = toVersion(row);
    return { ...document, content: row.text };
  }

  /** Newest first. */
  history(tenantId: string, id: string, limit: number): DocumentVersion[] {
    const sql = `SELECT ${VERSION_COLUMNS} FROM document d JOIN version v ON v.document = d.row WHERE d.tenant = ? AND d.id = ? ORDER BY v.version DESC LIMIT ?`;
    return (this.#db.prepare(sql).all(tenantId, id, limit) as VersionRow[]).map(toVersion);
  }

  /** By id. */
  documents({ tenantId, scopes, filter, atRevision, afterId, limit }: DocumentsQuery): DocumentVersion[] {
    const condition = filter === undefined ? { sql: "1", parameters: [] } : toSql(filter);
    const inScopes = scopes === undefined ? "1" : `d.scope IN (${scopes.map(() => "?").join(", ")})`;
    const sql = `SELECT ${VERSION_COLUMNS} FROM document d JOIN version v ON v.document = d.row AND ${atRevision === undefined ? CURRENT : AT}
      WHERE d.tenant = ? AND v.removed = 0 AND ${inScopes} AND d.id > ? AND ${condition.sql} ORDER BY d.id LIMIT ?`;
    const at = atRevision === undefined ? [] : [atRevision, atRevision];
    const rows = this.#db.prepare(sql).all(...at, tenantId, ...(scopes ?? []), afterId, ...condition.parameters, limit);
    return (rows as VersionRow[]).map(toVersion);
  }

  takeBackPlan(query: TakeBackQuery): TakeBackStep[] {
    return readTakeBackPlan(this.#db, query);
  }

  lastRevision(): number {
    return this.#db.prepare("SELECT coalesce(max(id), 0) FROM revision").pluck().get() as number;
  }

  /** The last revision that was there at a time, 0 when there was none. */
  revisionAt(ms: number): number {
    const sql = "SELECT coalesce(max(id), 0) FROM revision WHERE at_ms <= ?";
    return this.#db.prepare(sql).pluck().get(ms) as number;
  }

  /** What changed after a revision, oldest first: each document once. */
  changedAfter(
    tenantId: string,
    scope: Scope,
    revision: number,
    limit: number,
  ): (DocumentVersion & { readonly revision: number })[] {
    const sql = `SELECT ${VERSION_COLUMNS}, v.from_revision FROM document d JOIN version v ON v.document = d.row AND ${CURRENT}
      WHERE d.tenant = ? AND d.scope = ? AND v.from_revision > ? ORDER BY v.from_revision, d.row LIMIT ?`;
    const rows = this.#db.prepare(sql).all(tenantId, scope, revision, limit) as (VersionRow & {
      from_revision: number;
    })[];
    return rows.map((row) => ({ ...toVersion(row), revision: row.from_revision }));
  }

  snapshots(tenantId: string, scope: Scope | undefined): ScopeSnapshot[] {
    const sql = "SELECT * FROM snapshot WHERE tenant = ? AND (? IS NULL OR scope = ?) ORDER BY revision, id";
    const rows = this.#db.prepare(sql).all(tenantId, scope ?? null, scope ?? null) as SnapshotRow[];
    return rows.map(({ tenant, created_at: createdAt, ...rest }) => ({ ...rest, tenantId: tenant, createdAt }));
  }

  pinOf(tenantId: string, run: string): number | undefined {
    const sql = "SELECT revision FROM pin WHERE tenant = ? AND run = ?";
    return this.#db.prepare(sql).pluck().get(tenantId, run) as number | undefined;
  }

  /** Current chunks that have no vector in the space yet, in order. */
  withoutVector(
    { embedder, model, dimensions }: SpaceName,
    { afterChunk, limit }: { readonly afterChunk: number; readonly limit: number },
  ): ChunkWithoutVector[] {
    const space = this.#space({ embedder, model, dimensions });
    const known =
      "SELECT entries FROM vector x WHERE x.text_hash = c.text_hash AND x.text_hash <> '' AND x.space = ? LIMIT 1";
    const sql = `SELECT c.row, c.start_line, c.end_line, c.text_hash, t.text, (${known}) AS known
      FROM (SELECT c.* ${MISSING} AND c.row > ? ORDER BY c.row LIMIT ?) c JOIN document d ON d.row = c.document
      JOIN version v ON v.document = d.row AND ${CURRENT} JOIN content t ON t.hash = v.content_hash ORDER BY c.row`;
    const rows = this.#db.prepare(sql).all(space, space, afterChunk, limit) as MissingRow[];
    return rows.map(({ row, start_line, end_line, text_hash: textHash, text, known: entries }) => ({
      chunk: row,
      textHash,
      text: text
        .split("\n")
        .slice(start_line - 1, end_line)
        .join("\n"),
      ...(entries !== null && { known: entries }),
    }));
  }

  countWithoutVector(name: SpaceName): number {
    return this.#db.prepare(`SELECT count(*) ${MISSING}`).pluck().get(this.#space(name)) as number;
  }

  /** 0 when there is none: no space has that number. */
  #space({ embedder, model, dimensions }: SpaceName): number {
    const sql = "SELECT id FROM space WHERE embedder = ? AND model = ? AND dimensions = ?";
    return (this.#db.prepare(sql).pluck().get(embedder, model, dimensions) as number | undefined) ?? 0;
  }

  counts(tenantId: string): Counts {
    const sql = "SELECT documents, versions, chunks FROM tally WHERE tenant = ?";
    return (this.#db.prepare(sql).get(tenantId) as Counts | undefined) ?? { documents: 0, versions: 0, chunks: 0 };
  }
}

interface Counts {
  readonly documents: number;
  readonly versions: number;
  readonly chunks: number;
}

interface SnapshotRow {
  readonly id: string;
  readonly tenant: string;
  readonly scope: Scope;
  readonly name: string;
  readonly revision: number;
  readonly created_at: string;
}

interface MissingRow {
  readonly row: number;
  readonly start_line: number;
  readonly end_line: number;
  readonly text_hash: string;
  readonly text: string;
  readonly known: Uint8Array | null;
}
