import type Database from "better-sqlite3";
import type { SpaceName } from "../database/messages.ts";
import { toVersion, VERSION_COLUMNS, type VersionRow } from "../database/rows.ts";
import { Statements } from "../database/statements.ts";
import { AllowedDocuments } from "./allowed-documents.ts";
import { DenseSpace } from "./dense-space.ts";
import { type Fused, fuse, type Scored } from "./fuse.ts";
import { Mirror } from "./mirror.ts";
import type { PreparedQuery, SearchHit } from "./query.ts";
import { SharedNear } from "./shared-near.ts";
import { SparseSearch } from "./sparse.ts";

interface ChunkRow {
  readonly start_line: number;
  readonly end_line: number;
  readonly text: string;
}

/** So many times as many as are wanted have their cosines from the vectors themselves, and the others of those that are fused from bytes. */
const EXACT = 2;
/** For what another thread is to find. */
const MAX_WAIT_MS = 20;

/** Searches, in a reader's thread. One search is one transaction: whatever is written meanwhile, it sees one state. */
export class Searcher {
  readonly #statements: Statements;
  readonly #mirror: Mirror;
  readonly #allowed: AllowedDocuments;
  readonly #sparse: SparseSearch;
  readonly #spaces = new Map<number, DenseSpace>();

  constructor(db: Database) {
    this.#statements = new Statements(db);
    this.#mirror = new Mirror(this.#statements);
    this.#allowed = new AllowedDocuments(db, this.#mirror);
    this.#sparse = new SparseSearch(this.#statements, this.#mirror);
  }

  /** `shared`: where another thread puts what is near; what it has not put there in time, or found in another state of the store, is looked for here. */
  search(query: PreparedQuery, shared?: SharedArrayBuffer): SearchHit[] {
    return this.#inOneState(() => this.#hits(this.#ranked(query, shared), query));
  }

  /** Looks for what is near, for a thread that looks for the words of the same query. */
  near(query: PreparedQuery, shared: SharedArrayBuffer): void {
    const to = new SharedNear(shared);
    try {
      const scored = this.#inOneState(() => this.#near(query));
      to.put({ revision: this.#mirror.revision, scored });
    } catch (error) {
      to.put(undefined);
      throw error;
    }
  }

  #inOneState<T>(work: () => T): T {
    this.#statements.of("BEGIN").run();
    try {
      this.#mirror.catchUp();
      return work();
    } finally {
      this.#statements.of("COMMIT").run();
    }
  }

  #ranked(query: PreparedQuery, shared: SharedArrayBuffer | undefined): Fused[] {
    const { atRevision, tokens, k, rerankFactor } = query;
    const { documents } = this.#allowed.of(query);
    const isAllowed = (chunk: number) =>
      documents[this.#mirror.documentOf.get(chunk)] === 1 && this.#mirror.isCurrent(chunk, atRevision);
    const worded = tokens === undefined ? [] : this.#sparse.search(tokens, k * rerankFactor, isAllowed);
    const given = shared === undefined ? undefined : new SharedNear(shared).take(MAX_WAIT_MS);
    const near = given?.revision === this.#mirror.revision ? given.scored : this.#near(query);
    const idOf = (chunk: number) => this.#mirror.ids[this.#mirror.documentOf.get(chunk)] ?? "";
    return fuse(near, worded, query.fusion, query.weights).sort(
      (a, b) => b.score - a.score || compare(idOf(a.chunk), idOf(b.chunk)) || a.chunk - b.chunk,
    );
  }

  #near(query: PreparedQuery): readonly Scored[] {
    const { dense, k, rerankFactor, atRevision } = query;
    // Nothing is near a query without a word in it.
    if (dense === undefined || dense.vector.every((entry) => entry === 0)) return [];
    const wanted = { count: k * rerankFactor, exact: EXACT * k };
    return this.#space(dense.space)?.search(dense.vector, wanted, this.#allowed.of(query), atRevision) ?? [];
  }

  #space(name: SpaceName): DenseSpace | undefined {
    const sql = "SELECT id FROM space WHERE embedder = ? AND model = ? AND dimensions = ?";
    const id = this.#statements.of(sql).pluck().get(name.embedder, name.model, name.dimensions) as number | undefined;
    if (id === undefined) return undefined;
    const space =
      this.#spaces.get(id) ?? new DenseSpace(this.#statements, this.#mirror, { id, dimensions: name.dimensions });
    this.#spaces.set(id, space);
    space.catchUp();
    return space;
  }

  #hits(ranked: readonly Fused[], { k, atRevision, nowMs }: PreparedQuery): SearchHit[] {
    const hits: SearchHit[] = [];
    for (const one of ranked) {
      const hit = this.#hit(one, atRevision, nowMs);
      if (hit !== undefined) hits.push(hit);
      if (hits.length === k) break;
    }
    return hits;
  }

  /** `undefined` when the chunk was forgotten or its document has expired. */
  #hit({ chunk, score, dense, sparse }: Fused, atRevision: number | undefined, nowMs: number): SearchHit | undefined {
    const version =
      atRevision === undefined
        ? "v.version = d.current"
        : "v.from_revision <= +? AND (v.to_revision IS NULL OR v.to_revision > +?)";
    const sql = `SELECT ${VERSION_COLUMNS}, c.start_line, c.end_line, t.text FROM chunk c JOIN document d ON d.row = c.document
      JOIN version v ON v.document = d.row AND ${version} JOIN content t ON t.hash = v.content_hash WHERE c.row = +?`;
    const at = atRevision === undefined ? [] : [atRevision, atRevision];
    const row = this.#statements.of(sql).get(...at, chunk) as (VersionRow & ChunkRow) | undefined;
    if (row === undefined) return undefined;
    const { id, scope, kind, path, version: number, origin, metadata, expiresAt, pinned } = toVersion(row);
    if (expiresAt !== undefined && !pinned && Date.parse(expiresAt) <= nowMs) return undefined;
    return {
      id,
      scope,
      kind,
      ...(path !== undefined && { path }),
      lines: { start: row.start_line, end: row.end_line },
      version: number,
      origin,
      metadata,
      chunk: row.text
        .split("\n")
        .slice(row.start_line - 1, row.end_line)
        .join("\n"),
      score,
      ...(dense !== undefined && { denseScore: dense.score, denseRank: dense.rank }),
      ...(sparse !== undefined && { sparseScore: sparse.score, sparseRank: sparse.rank }),
    };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
