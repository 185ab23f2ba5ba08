import type { Statements } from "../database/statements.ts";
import { Grown } from "./grown.ts";

/** Rows that are read at once. As one JSON text, since numbers reach us so in a third of the time that rows take. */
const PAGE = 50_000;

const DOCUMENTS = `SELECT json_group_array(row), json_group_array(id)
  FROM (SELECT row, id FROM document WHERE row > ? ORDER BY row LIMIT ${PAGE})`;
const CHUNKS = `SELECT json_group_array(row), json_group_array(document), json_group_array(from_revision), json_group_array(words)
  FROM (SELECT row, document, from_revision, words FROM chunk WHERE row > ? ORDER BY row LIMIT ${PAGE})`;

/**
 * What a reader keeps in memory of every chunk and document, brought up to date before each search: which document a chunk is of, how long it is, and from when to when it was current. Rows are
 * SQLite's, from 1 without end; those of chunks that are gone stay as they were.
 */
export class Mirror {
  readonly #statements: Statements;
  readonly documentOf = new Grown(Uint32Array);
  /** How many words a chunk has. */
  readonly wordsOf = new Grown(Uint32Array);
  readonly #fromRevision = new Grown(Float64Array);
  /** 0: still current. */
  readonly #toRevision = new Grown(Float64Array);
  /** By a document's row. */
  readonly ids: string[] = [];
  #revision = 0;
  #lastChunk = 0;
  #lastDocument = 0;
  #chunks = 0;
  #words = 0;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Up to which revision all is here. */
  get revision(): number {
    return this.#revision;
  }

  get lastDocument(): number {
    return this.#lastDocument;
  }

  /** How many chunks there are, past ones too. */
  get chunks(): number {
    return this.#chunks;
  }

  /** How many words all chunks have together. */
  get words(): number {
    return this.#words;
  }

  /** Within a transaction, so that what is read later in it fits. */
  catchUp(): void {
    const newest = this.#statements.of("SELECT coalesce(max(id), 0) FROM revision").pluck();
    const revision = newest.get() as number;
    if (revision === this.#revision) return;
    for (const [rows, ids] of this.#pages<[number[], string[]]>(DOCUMENTS, () => this.#lastDocument)) {
      for (let at = 0; at < rows.length; at += 1) this.ids[rows[at] as number] = ids[at] as string;
      this.#lastDocument = rows.at(-1) ?? this.#lastDocument;
    }
    for (const [rows, documents, froms, words] of this.#pages<number[][]>(CHUNKS, () => this.#lastChunk)) {
      this.#addChunks(rows ?? [], documents ?? [], froms ?? [], words ?? []);
    }
    const ended = this.#statements.of("SELECT row, to_revision FROM chunk WHERE to_revision > ?").raw();
    for (const row of ended.iterate(this.#revision)) {
      const [at, to] = row as [number, number];
      this.#toRevision.set(at, to);
    }
    this.#revision = revision;
  }

  /** Whether a chunk was current at a revision; without one: whether it is. */
  isCurrent(chunk: number, revision: number | undefined): boolean {
    const to = this.#toRevision.get(chunk);
    if (revision === undefined) return to === 0;
    return this.#fromRevision.get(chunk) <= revision && (to === 0 || to > revision);
  }

  #addChunks(
    rows: readonly number[],
    documents: readonly number[],
    fromRevisions: readonly number[],
    words: readonly number[],
  ): void {
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at] as number;
      this.documentOf.set(row, documents[at] as number);
      this.#fromRevision.set(row, fromRevisions[at] as number);
      this.wordsOf.set(row, words[at] as number);
      this.#words += words[at] as number;
    }
    this.#chunks += rows.length;
    this.#lastChunk = rows.at(-1) ?? this.#lastChunk;
  }

  /** Columns of the rows after the last one, some at a time, as long as there are any. */
  *#pages<T extends unknown[][]>(sql: string, last: () => number): Generator<T> {
    for (;;) {
      const columns = this.#statements.of(sql).raw().get(last()) as readonly string[];
      const page = columns.map((text) => JSON.parse(text) as unknown[]) as T;
      if (page[0]?.length === 0) return;
      yield page;
    }
  }
}
