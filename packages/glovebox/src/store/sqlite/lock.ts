import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { GloveboxError } from "../../core/index.ts";
import { errorCode, storeFailed } from "./connection.ts";

/** Who has a data folder; kept as JSON in `lock.json` for people to read. */
export interface LockHolder {
  readonly pid: number;
  /** When that process started, in clock ticks since the machine's boot: tells it from a later one with the same pid. */
  readonly startTicks: number | null;
  readonly host: string;
  readonly since: string;
}

/**
 * One server per data folder. The lock itself is the kernel's, on the file `lock` (through SQLite, as Node offers none): it ends with its
 * process however that dies, so that a stale one cannot exist, also across containers that share the folder.
 */
export class FolderLock implements Disposable {
  readonly #db: Database;
  readonly #holderFile: string;
  /** The holder named in the folder when the lock was taken: a process that died without letting go. */
  readonly takenOverFrom: LockHolder | undefined;

  private constructor(db: Database, holderFile: string, takenOverFrom: LockHolder | undefined) {
    this.#db = db;
    this.#holderFile = holderFile;
    this.takenOverFrom = takenOverFrom;
  }

  /** `unavailable`, naming the holder, when another process (or another store of this one) has the folder. */
  static acquire(dataDir: string, nowMs: number): FolderLock {
    const holderFile = join(dataDir, "lock.json");
    let db: Database | undefined;
    try {
      const file = join(dataDir, "lock");
      db = new Database(file, { timeout: 0 });
      chmodSync(file, 0o600);
      // Nothing is ever written to it: no journal file beside it.
      db.pragma("journal_mode = MEMORY");
      db.exec("BEGIN IMMEDIATE");
      const before = readHolder(holderFile);
      writeHolder(holderFile, nowMs);
      return new FolderLock(db, holderFile, before);
    } catch (error) {
      db?.close();
      if (errorCode(error).startsWith("SQLITE_BUSY")) throw heldBy(dataDir, readHolder(holderFile));
      throw storeFailed(`could not lock the data folder ${dataDir}`, error);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#db.open) return;
    rmSync(this.#holderFile, { force: true });
    this.#db.close();
  }
}

function heldBy(dataDir: string, holder: LockHolder | undefined): GloveboxError {
  const who =
    holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new GloveboxError("unavailable", `the data folder ${dataDir} is in use by ${who}`, {
    details: holder === undefined ? {} : { holder },
  });
}

function readHolder(file: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LockHolder;
  } catch {
    // None, or one that a crash left half written: it only informs.
    return undefined;
  }
}

function writeHolder(file: string, nowMs: number): void {
  const holder: LockHolder = {
    pid: process.pid,
    startTicks: startTicks(),
    host: hostname(),
    since: new Date(nowMs).toISOString(),
  };
  writeFileSync(`${file}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Field 22 of /proc/self/stat; the name in field 2 may hold spaces and parentheses. */
function startTicks(): number | null {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}
