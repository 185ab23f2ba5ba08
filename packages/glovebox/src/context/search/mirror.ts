import type Database from "better-sqlite3";
import { Grown } from "./grown.ts";

/**
 * What a reader keeps in memory of every chunk and document, brought up to date before each search: which document a chunk is of, and from when to when it was current. Rows are
 * SQLite's, from 1 without end; those of chunks that are gone stay as they were.
 */
export class Mirror {
  readonly #db: Database;
  readonly documentOf = new Grown(Uint32Array);
  readonly fromRevision = new Grown(Float64Array);
  /** 0: still current. */
  readonly toRevision = new Grown(Float64Array);
  /** By a document's row. */
  readonly ids: string[] = [];
  #revision = 0;
  #lastChunk = 0;
  #lastDocument = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Up to which revision all is here. */
  get revision(): number {
    return this.#revision;
  }

  get lastDocument(): number {
    return this.#lastDocument;
  }

  /** Within a transaction, so that what is read later in it fits. */
  catchUp(): void {
    const revision = this.#one("SELECT coalesce(max(id), 0) AS n FROM revision");
    if (revision === this.#revision) return;
    for (const row of this.#db
      .prepare("SELECT row, id FROM document WHERE row > ?")
      .raw()
      .iterate(this.#lastDocument)) {
      const [at, id] = row as [number, string];
      this.ids[at] = id;
      this.#lastDocument = Math.max(this.#lastDocument, at);
    }
    const chunks = "SELECT row, document, from_revision FROM chunk WHERE row > ?";
    for (const row of this.#db.prepare(chunks).raw().iterate(this.#lastChunk)) {
      const [at, document, from] = row as [number, number, number];
      this.documentOf.set(at, document);
      this.fromRevision.set(at, from);
      this.#lastChunk = Math.max(this.#lastChunk, at);
    }
    const ended = "SELECT row, to_revision FROM chunk WHERE to_revision > ?";
    for (const row of this.#db.prepare(ended).raw().iterate(this.#revision)) {
      const [at, to] = row as [number, number];
      this.toRevision.set(at, to);
    }
    this.#revision = revision;
  }

  /** Whether a chunk was current at a revision; without one: whether it is. */
  isCurrent(chunk: number, revision: number | undefined): boolean {
    const to = this.toRevision.get(chunk);
    if (revision === undefined) return to === 0;
    return this.fromRevision.get(chunk) <= revision && (to === 0 || to > revision);
  }

  #one(sql: string): number {
    return (this.#db.prepare(sql).get() as { readonly n: number }).n;
  }
}
