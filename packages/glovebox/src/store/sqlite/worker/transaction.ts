import type Database from "better-sqlite3";
import { errorCode } from "../connection.ts";
import type { WriteReply } from "./messages.ts";

/** Work on one database. `apply` may leave part of its work behind when it throws; the transaction undoes it. */
export interface Unit {
  readonly id: number;
  apply(): WriteReply;
}

/** Thrown inside a unit to undo it and answer `reply`. */
export class UnitUndone extends Error {
  readonly reply: WriteReply;

  constructor(reply: WriteReply) {
    super(reply.type);
    this.reply = reply;
  }
}

/**
 * Commits units together: one wait for the disk for all of them. A unit that fails is undone alone. When the disk fails under the
 * transaction itself, each unit is tried once more by itself, so that one that does not fit fails alone too.
 * `onUndone` is told whenever a transaction was rolled back.
 */
export function commitTogether(db: Database, units: readonly Unit[], onUndone: () => void): WriteReply[] {
  try {
    db.exec("BEGIN IMMEDIATE");
  } catch (error) {
    return units.map((unit) => replyTo(unit, error));
  }
  try {
    const replies = units.map((unit) => (units.length === 1 ? unit.apply() : applyInSavepoint(db, unit)));
    db.exec("COMMIT");
    return replies;
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    onUndone();
    if (units.length > 1) return units.flatMap((unit) => commitTogether(db, [unit], onUndone));
    return units.map((unit) => replyTo(unit, error));
  }
}

function applyInSavepoint(db: Database, unit: Unit): WriteReply {
  db.exec("SAVEPOINT unit");
  try {
    const reply = unit.apply();
    db.exec("RELEASE unit");
    return reply;
  } catch (error) {
    // SQLite ends the whole transaction by itself on a full disk and on input/output errors.
    if (!db.inTransaction) throw error;
    db.exec("ROLLBACK TO unit");
    db.exec("RELEASE unit");
    return replyTo(unit, error);
  }
}

/** What a unit is answered that ended in `error`. */
export function replyTo(unit: { readonly id: number }, error: unknown): WriteReply {
  if (error instanceof UnitUndone) return error.reply;
  const message = error instanceof Error ? error.message : String(error);
  return { id: unit.id, type: "failed", index: -1, code: errorCode(error), message };
}
