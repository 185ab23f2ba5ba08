import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type Database from "better-sqlite3";
import { GloveboxError } from "../../core/index.ts";
import { openForReading, openForWriting } from "./connection.ts";
import type { Migration } from "./migrations/index.ts";

export interface MigrationResult {
  /** 0 when the file was new. */
  readonly from: number;
  readonly to: number;
  /** The copy made before an existing file was changed. */
  readonly backup?: string;
}

/** The schema version of a database file; 0 when it has none yet. */
export function schemaVersion(db: Database): number {
  return Number(db.pragma("user_version", { simple: true }));
}

/**
 * Brings a database file to the newest schema, step by step, each in a transaction of its own. A file that holds data is copied into
 * `backupDir` first. `store_failed` when the file was written by a newer Glovebox: nothing is touched then.
 */
export function migrateFile(
  file: string,
  migrations: readonly Migration[],
  backupDir: string,
  nowMs: number,
): MigrationResult {
  const newest = migrations.at(-1)?.version ?? 0;
  const existing = existsSync(file) ? versionOf(file) : 0;
  if (existing > newest) {
    throw new GloveboxError(
      "store_failed",
      `${basename(file)} has schema version ${existing}, but this Glovebox knows versions up to ${newest}: it was written by a newer ` +
        `Glovebox; use that one, or restore a backup made before`,
      { details: { found: existing, known: newest } },
    );
  }
  if (existing === newest) return { from: existing, to: newest };
  const db = openForWriting(file);
  try {
    const backup = existing === 0 ? undefined : backUpFirst(db, file, existing, backupDir, nowMs);
    for (const migration of migrations) if (migration.version > existing) applyMigration(db, migration);
    return { from: existing, to: newest, ...(backup === undefined ? {} : { backup }) };
  } finally {
    db.close();
  }
}

function versionOf(file: string): number {
  const db = openForReading(file);
  try {
    return schemaVersion(db);
  } finally {
    db.close();
  }
}

function backUpFirst(db: Database, file: string, version: number, backupDir: string, nowMs: number): string {
  mkdirSync(backupDir, { recursive: true, mode: 0o700 });
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, "");
  const backup = join(backupDir, `${basename(file, ".db")}-v${version}-${stamp}.db`);
  db.prepare("VACUUM INTO ?").run(backup);
  chmodSync(backup, 0o600);
  return backup;
}

function applyMigration(db: Database, migration: Migration): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec(migration.sql);
    db.pragma(`user_version = ${migration.version}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
