import type Database from "better-sqlite3";

export interface Compacted {
  readonly versions: number;
  readonly chunks: number;
  readonly contents: number;
}

/**
 * Forgets past versions, and what documents were before they were removed, that nobody can ask for any more: those that ended at or before `horizon` (a revision), and are older than every
 * snapshot and pin of their tenant. Current versions, and pinned documents with all of theirs, stay.
 */
export function compact(db: Database, tenantId: string | undefined, horizon: number): Compacted {
  // Up to the oldest state that somebody holds on to.
  const held = `min(?, coalesce((SELECT min(revision) FROM (
    SELECT revision FROM snapshot s WHERE s.tenant = d.tenant AND s.scope = d.scope
    UNION ALL SELECT revision FROM pin p WHERE p.tenant = d.tenant)), 9e15))`;
  const ended = (table: string) => `EXISTS (SELECT 1 FROM document d WHERE d.row = ${table}.document AND d.pinned = 0
    AND d.tenant = coalesce(?, d.tenant) AND ${table}.to_revision <= ${held})`;
  const all = (sql: string) => db.prepare(sql).all(tenantId ?? null, horizon) as { readonly row: number }[];
  const chunks = all(`DELETE FROM chunk WHERE ${ended("chunk")} RETURNING row`);
  for (const { row } of chunks) {
    db.prepare("DELETE FROM words WHERE rowid = ?").run(row);
    db.prepare("DELETE FROM sketch WHERE slot IN (SELECT slot FROM vector WHERE chunk = ?)").run(row);
    db.prepare("DELETE FROM vector WHERE chunk = ?").run(row);
  }
  const versions = all(`DELETE FROM version WHERE ${ended("version")} RETURNING document AS row`);
  const contents = db
    .prepare("DELETE FROM content WHERE hash NOT IN (SELECT content_hash FROM version) RETURNING 1")
    .all();
  return { versions: versions.length, chunks: chunks.length, contents: contents.length };
}
