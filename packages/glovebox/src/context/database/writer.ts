import type Database from "better-sqlite3";
import { GloveboxError } from "../../core/index.ts";
import type { DocumentInput, Scope } from "../document.ts";
import { type Compacted, compact } from "./compact.ts";
import type {
  AddResult,
  PreparedChunk,
  PreparedDocument,
  PreparedVector,
  ScopeSnapshot,
  SpaceName,
  WrittenDocument,
} from "./messages.ts";
import { type PlacedSketch, writeSketches } from "./sketches.ts";
import { Statements } from "./statements.ts";

/** A document's row. */
interface DocumentRow {
  readonly row: number;
  readonly current: number;
  readonly removed: number;
}

interface CurrentVersion {
  readonly content_hash: string;
  readonly metadata: string;
  readonly origin: string;
}

/** A version, ready to be written. */
interface NewVersion {
  readonly contentHash: string;
  readonly metadata: string;
  readonly origin: string;
  readonly removed: boolean;
  /** The content is the current version's: its pieces stay as they are. */
  readonly keepsChunks: boolean;
  readonly run: string | undefined;
  readonly restores: number | undefined;
}

/** One document of a write. `restores`: the version that it brings back for a rollback of the run. */
export type Change = { readonly restores?: number } & (
  | { readonly kind: "put"; readonly document: PreparedDocument }
  | { readonly kind: "remove"; readonly id: string; readonly origin: string; readonly basedOn?: number }
);

type Put = Extract<Change, { readonly kind: "put" }>;
type Removal = Extract<Change, { readonly kind: "remove" }>;

/** What all changes of one write have in common. */
interface Write {
  readonly tenantId: string;
  readonly revision: number;
  /** The run that writes. */
  readonly run: string | undefined;
}

/** Writes to the context store's database, in the writer's thread. Each method is one transaction and one revision. */
export class Writer {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #statements: Statements;
  /** Of the transaction, written at its end: see {@link Writer.#index}. */
  #sketches: PlacedSketch[] = [];
  #words: { readonly row: number; readonly tokens: string }[] = [];

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#statements = new Statements(db);
    this.#now = now;
  }

  /** All of them or none; `conflict` when one is based on a version that is not current (`details.stale`: its pieces have to be made first, since it changed meanwhile). */
  write(tenantId: string, changes: readonly Change[], space: SpaceName, run?: string): AddResult {
    return this.#revise((revision) => {
      const spaceId = this.#spaceId(space);
      const by: Write = { tenantId, revision, run };
      const written = changes.map((change) =>
        change.kind === "put" ? this.#put(change, by, spaceId) : this.#remove(change, by),
      );
      this.#index(spaceId);
      const count = (state: WrittenDocument["state"]) => written.filter((one) => one.state === state).length;
      const [inserted, updated, unchanged] = [count("inserted"), count("updated"), count("unchanged")];
      return { revision, inserted, updated, unchanged, documents: written };
    });
  }

  pin(tenantId: string, id: string, pinned: boolean): boolean {
    return this.#revise((revision) => {
      const sql = "UPDATE document SET pinned = ?, changed_revision = ? WHERE tenant = ? AND id = ?";
      return this.#run(sql, pinned ? 1 : 0, revision, tenantId, id) === 1;
    });
  }

  pinRun(tenantId: string, run: string, revision: number | undefined): number {
    return this.#transaction(() => {
      const at = revision ?? this.lastRevision();
      this.#run(
        "INSERT INTO pin VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision",
        tenantId,
        run,
        at,
      );
      return at;
    });
  }

  unpinRun(tenantId: string, run: string): void {
    this.#transaction(() => this.#run("DELETE FROM pin WHERE tenant = ? AND run = ?", tenantId, run));
  }

  takeSnapshot(id: string, tenantId: string, scope: Scope, name: string): ScopeSnapshot {
    return this.#transaction(() => {
      const revision = this.lastRevision();
      const createdAt = new Date(this.#now()).toISOString();
      this.#run("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?)", id, tenantId, scope, name, revision, createdAt);
      return { id, tenantId, scope, name, revision, createdAt };
    });
  }

  deleteSnapshot(tenantId: string, id: string): boolean {
    return this.#transaction(() => this.#run("DELETE FROM snapshot WHERE tenant = ? AND id = ?", tenantId, id) === 1);
  }

  compact(tenantId: string | undefined, keepRevisionsFrom: number): Compacted {
    return this.#transaction(() => compact(this.#db, tenantId, keepRevisionsFrom));
  }

  /** Of this moment: what was asked of the writer before is in it. */
  lastRevision(): number {
    return (this.#get("SELECT coalesce(max(id), 0) AS id FROM revision") as { id: number }).id;
  }

  /** Vectors that came later. Chunks that are gone, or have one in this space already, are passed over. */
  addVectors(
    space: SpaceName,
    vectors: readonly { readonly chunk: number; readonly textHash: string; readonly vector: PreparedVector }[],
  ): void {
    this.#revise(() => {
      const spaceId = this.#spaceId(space);
      for (const { chunk, textHash, vector } of vectors) {
        const isWanted = this.#get(
          "SELECT 1 FROM chunk WHERE row = ? AND NOT EXISTS (SELECT 1 FROM vector WHERE chunk = ? AND space = ?)",
          chunk,
          chunk,
          spaceId,
        );
        if (isWanted !== undefined) this.#putVector(spaceId, chunk, textHash, vector);
      }
      this.#index(spaceId);
    });
  }

  #spaceId({ embedder, model, dimensions }: SpaceName): number {
    this.#run(
      "INSERT OR IGNORE INTO space (embedder, model, dimensions) VALUES (?, ?, ?)",
      embedder,
      model,
      dimensions,
    );
    const sql = "SELECT id FROM space WHERE embedder = ? AND model = ? AND dimensions = ?";
    return (this.#get(sql, embedder, model, dimensions) as { id: number }).id;
  }

  #put(
    { document: { id, input, contentHash, chunks }, restores }: Put,
    { tenantId, revision, run }: Write,
    spaceId: number,
  ): WrittenDocument {
    const found = this.#find(tenantId, id);
    const metadata = JSON.stringify(input.metadata ?? {});
    const was = found === undefined || found.removed === 1 ? undefined : this.#current(found);
    if (found !== undefined) this.#updateFlags(found.row, input, revision);
    if (was?.content_hash === contentHash && was.metadata === metadata && was.origin === input.origin) {
      return { id, version: found?.current ?? 1, state: "unchanged" };
    }
    requireCurrent(id, input.basedOn, found === undefined || found.removed === 1 ? 0 : found.current, found?.current);
    const keepsChunks = was?.content_hash === contentHash;
    if (!keepsChunks && chunks === undefined) throw changedMeanwhile(id);
    const row = found?.row ?? this.#insertDocument(tenantId, id, input, revision);
    this.#run("INSERT OR IGNORE INTO content VALUES (?, ?)", contentHash, input.content);
    const next = { contentHash, metadata, origin: input.origin, removed: false, keepsChunks, run, restores };
    const version = this.#putVersion(row, found?.current, revision, next);
    if (!keepsChunks) for (const chunk of chunks ?? []) this.#putChunk(row, revision, chunk, spaceId);
    return { id, version, state: found === undefined ? "inserted" : "updated" };
  }

  /** Ends a document with a last version that says so; what it was stays readable. One that is not there is unchanged. */
  #remove({ id, origin, basedOn, restores }: Removal, { tenantId, revision, run }: Write): WrittenDocument {
    const found = this.#find(tenantId, id);
    if (found === undefined || found.removed === 1) return { id, version: found?.current ?? 0, state: "unchanged" };
    requireCurrent(id, basedOn, found.current);
    const next = { contentHash: "", metadata: "{}", origin, removed: true, keepsChunks: false, run, restores };
    return { id, version: this.#putVersion(found.row, found.current, revision, next), state: "updated" };
  }

  #find(tenantId: string, id: string): DocumentRow | undefined {
    return this.#get("SELECT row, current, removed FROM document WHERE tenant = ? AND id = ?", tenantId, id) as
      | DocumentRow
      | undefined;
  }

  #insertDocument(tenantId: string, id: string, input: DocumentInput, revision: number): number {
    const sql = `INSERT INTO document (id, tenant, scope, kind, path, current, pinned, expires_ms, changed_revision)
      VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)`;
    const values = [
      id,
      tenantId,
      input.scope ?? "global",
      input.kind,
      input.path ?? null,
      input.pinned === true ? 1 : 0,
      msOf(input.expiresAt),
      revision,
    ];
    return this.#insert(sql, ...values);
  }

  #updateFlags(row: number, { pinned, expiresAt }: DocumentInput, revision: number): void {
    if (pinned === undefined && expiresAt === undefined) return;
    const sql =
      "UPDATE document SET pinned = coalesce(?, pinned), expires_ms = coalesce(?, expires_ms), changed_revision = ? WHERE row = ?";
    this.#run(sql, pinned === undefined ? null : Number(pinned), msOf(expiresAt), revision, row);
  }

  #current({ row, current }: DocumentRow): CurrentVersion {
    const sql = "SELECT content_hash, metadata, origin FROM version WHERE document = ? AND version = ?";
    return this.#get(sql, row, current) as CurrentVersion;
  }

  /** Ends the current version and its chunks, and makes the next one the current. */
  #putVersion(row: number, parent: number | undefined, revision: number, next: NewVersion): number {
    if (parent !== undefined) {
      this.#run("UPDATE version SET to_revision = ? WHERE document = ? AND version = ?", revision, row, parent);
      if (!next.keepsChunks) {
        this.#run("UPDATE chunk SET to_revision = ? WHERE document = ? AND to_revision IS NULL", revision, row);
      }
    }
    const version = (parent ?? 0) + 1;
    const createdAt = new Date(this.#now()).toISOString();
    const { contentHash, metadata, origin, removed, run = null, restores = null } = next;
    this.#run(
      "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)",
      row,
      version,
      parent ?? null,
      contentHash,
      metadata,
      origin,
      createdAt,
      removed ? 1 : 0,
      revision,
      run,
      restores,
    );
    const sql = "UPDATE document SET current = ?, removed = ?, changed_revision = ? WHERE row = ?";
    // A new document was inserted so.
    if (parent !== undefined) this.#run(sql, version, removed ? 1 : 0, revision, row);
    return version;
  }

  #putChunk(document: number, revision: number, chunk: PreparedChunk, spaceId: number): void {
    const sql =
      "INSERT INTO chunk (document, start_line, end_line, text_hash, from_revision, words) VALUES (?, ?, ?, ?, ?, ?)";
    const { startLine, endLine, textHash, tokens, words, vector } = chunk;
    const row = this.#insert(sql, document, startLine, endLine, textHash, revision, words);
    this.#words.push({ row, tokens });
    // Nobody looks for a vector by its text where computing it costs nothing.
    if (vector !== undefined) this.#putVector(spaceId, row, "", vector);
  }

  #putVector(spaceId: number, chunk: number, textHash: string, { entries, sketch }: PreparedVector): void {
    const bytes = new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength);
    const sql = "INSERT INTO vector (space, chunk, text_hash, entries) VALUES (?, ?, ?, ?)";
    const slot = this.#insert(sql, spaceId, chunk, textHash, bytes);
    this.#sketches.push({ slot, chunk, sketch });
  }

  /** Last of all, and together: FTS5 writes what it has gathered whenever a statement comes in between that SQLite may have to undo alone, which took half of the time of all writing. */
  #index(spaceId: number): void {
    writeSketches(this.#statements, spaceId, this.#sketches);
    for (const { row, tokens } of this.#words)
      this.#run("INSERT INTO words (rowid, tokens) VALUES (?, ?)", row, tokens);
  }

  #revise<T>(work: (revision: number) => T): T {
    return this.#transaction(() => {
      // Never earlier than the one before, whatever the clock does: a time names a state.
      const sql =
        "INSERT INTO revision (at_ms) VALUES (max(?, coalesce((SELECT at_ms FROM revision ORDER BY id DESC LIMIT 1), 0))) RETURNING id";
      return work((this.#get(sql, this.#now()) as { id: number }).id);
    });
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } finally {
      [this.#sketches, this.#words] = [[], []];
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
    }
  }

  #run(sql: string, ...parameters: readonly (string | number | Uint8Array | null)[]): number {
    return this.#statements.of(sql).run(...parameters).changes;
  }

  /** The new row's number. */
  #insert(sql: string, ...parameters: readonly (string | number | Uint8Array | null)[]): number {
    return Number(this.#statements.of(sql).run(...parameters).lastInsertRowid);
  }

  #get(sql: string, ...parameters: readonly (string | number | Uint8Array | null)[]): unknown {
    return this.#statements.of(sql).get(...parameters);
  }
}

function msOf(time: string | undefined): number | null {
  return time === undefined ? null : Date.parse(time);
}

function changedMeanwhile(id: string): GloveboxError {
  const details = { id, stale: true };
  return new GloveboxError("conflict", "the document was changed by somebody else meanwhile", { details });
}

function requireCurrent(id: string, basedOn: number | undefined, current: number, last = current): void {
  // A document that was removed may be written again on top of its end, or as if it had never been.
  if (basedOn === undefined || basedOn === current || (current === 0 && basedOn === last)) return;
  throw new GloveboxError("conflict", `the document's current version is ${current}, not ${basedOn}`, {
    details: { id, currentVersion: current, basedOn },
  });
}
