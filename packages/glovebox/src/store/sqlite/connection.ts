import { chmodSync } from "node:fs";
import Database from "better-sqlite3";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";

/** How long SQLite waits for another process that has the file locked, e.g. someone's `sqlite3` shell. */
const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens a database for writing: WAL, and every commit waits for the disk (`synchronous=FULL`). Only the writer, and the migrations before it
 * starts, hold such a connection.
 */
export function openForWriting(file: string): Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    chmodSync(file, 0o600);
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    db.pragma("trusted_schema = OFF");
    // Larger than the default of 1,000 pages: a checkpoint costs two more waits for the disk.
    db.pragma("wal_autocheckpoint = 4000");
    db.pragma("journal_size_limit = 67108864");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing database for reading only. */
export function openForReading(file: string): Database {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  db.pragma("trusted_schema = OFF");
  return db;
}

/** The code that SQLite gives an error, or the system's (`ENOSPC`), or `""`. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

const EXPLANATIONS: readonly (readonly [prefix: string, text: string])[] = [
  ["SQLITE_FULL", "the disk is full"],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["SQLITE_READONLY", "the data folder is read-only"],
  ["SQLITE_CANTOPEN", "a file in the data folder cannot be opened or made"],
  ["EROFS", "the data folder is read-only"],
  ["EACCES", "the data folder may not be written to"],
  ["EPERM", "the data folder may not be written to"],
  ["SQLITE_BUSY", "another process holds the database locked"],
  ["SQLITE_CORRUPT", "a database file is damaged"],
  ["SQLITE_NOTADB", "a database file is damaged"],
  ["SQLITE_IOERR", "the disk gave an error"],
];

/** Turns what SQLite or the file system threw into `store_failed` with a cause that a person understands. */
export function storeFailed(doing: string, error: unknown): GloveboxError {
  if (isGloveboxError(error)) return error;
  return storeFailure(doing, errorCode(error), error instanceof Error ? error.message : String(error), error);
}

/** The same for an error that came from the writer as a code and a message. */
export function storeFailure(doing: string, code: string, message: string, cause?: unknown): GloveboxError {
  const known = EXPLANATIONS.find(([prefix]) => code.startsWith(prefix))?.[1];
  const reason = known === undefined ? message : `${known} (${message})`;
  return new GloveboxError("store_failed", `${doing}: ${reason}`, {
    details: code === "" ? {} : { cause: code },
    ...(cause === undefined ? {} : { cause }),
  });
}
