import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openForWriting } from "../connection.ts";
import { EVENT_FILE_MIGRATIONS } from "../migrations/index.ts";
import { EventDatabase } from "./event-database.ts";
import type { DropFileRequest, WriteReply } from "./messages.ts";

/** Most sessions live for hours, so that two files are busy at a time. */
const MAX_OPEN = 8;

/** The event files that the writer has open; the least recently used is closed first. */
export class EventFiles {
  readonly #folder: string;
  readonly #open = new Map<string, EventDatabase>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens the file, making it when it is new. */
  get(name: string): EventDatabase {
    const known = this.#open.get(name);
    this.#open.delete(name);
    const file = known ?? this.#openFile(name);
    this.#open.set(name, file);
    for (const [oldest, { db }] of this.#open) {
      if (this.#open.size <= MAX_OPEN) break;
      db.close();
      this.#open.delete(oldest);
    }
    return file;
  }

  drop(request: DropFileRequest): WriteReply {
    const path = join(this.#folder, request.file);
    if (!existsSync(path)) return { id: request.id, type: "changed", events: 0 };
    const { db } = this.get(request.file);
    const found = db
      .prepare(
        "SELECT count(*) AS streams, coalesce(max(updated_ms), 0) AS updatedMs, coalesce(sum(last_seq), 0) AS events FROM streams",
      )
      .get() as { streams: number; updatedMs: number; events: number };
    if (found.streams !== request.streams || found.updatedMs > request.unlessAfterMs) {
      return { id: request.id, type: "changed", events: -1 };
    }
    db.close();
    this.#open.delete(request.file);
    // The database itself goes first: without it, the other two mean nothing.
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    syncFolder(this.#folder);
    return { id: request.id, type: "changed", events: found.events };
  }

  close(): void {
    for (const { db } of this.#open.values()) db.close();
    this.#open.clear();
  }

  #openFile(name: string): EventDatabase {
    const path = join(this.#folder, name);
    if (!existsSync(path)) this.#make(path);
    return new EventDatabase(openForWriting(path));
  }

  /** Under another name first, so that a file with the right name always has its tables, for readers and after a crash. */
  #make(path: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const unfinished = `${path}.new`;
    for (const suffix of ["", "-journal"]) rmSync(unfinished + suffix, { force: true });
    const db = new Database(unfinished);
    try {
      db.pragma("synchronous = FULL");
      db.exec(`BEGIN; ${EVENT_FILE_MIGRATIONS.map(({ sql }) => sql).join("\n")}`);
      db.pragma(`user_version = ${EVENT_FILE_MIGRATIONS.at(-1)?.version ?? 0}`);
      db.exec("COMMIT");
    } finally {
      db.close();
    }
    renameSync(unfinished, path);
    syncFolder(this.#folder);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
