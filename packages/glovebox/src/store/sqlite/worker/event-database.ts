import type Database from "better-sqlite3";
import type { Statement } from "better-sqlite3";
import type { AppendRequest, CloseStreamRequest, RemoveStreamRequest, StreamRequest, WriteReply } from "./messages.ts";
import type { Unit } from "./transaction.ts";

/** What the writer knows of a stream without asking the file. */
interface KnownStream {
  readonly stream: number;
  lastSeq: number;
  closed: boolean;
}

const MAX_KNOWN = 4096;

/** One open event file. */
export class EventDatabase {
  readonly db: Database;
  readonly #known = new Map<string, KnownStream>();
  readonly #find: Statement;
  readonly #create: Statement;
  readonly #insert: Statement;
  readonly #advance: Statement;
  readonly #close: Statement;

  constructor(db: Database) {
    this.db = db;
    this.#find = db.prepare(
      "SELECT stream, last_seq AS lastSeq, closed FROM streams WHERE id = ? AND kind = ? AND tenant_id = ?",
    );
    this.#create = db.prepare("INSERT INTO streams (id, kind, tenant_id, updated_ms) VALUES (?, ?, ?, ?)");
    this.#insert = db.prepare("INSERT INTO events (key, ts, type, payload) VALUES ((? << 32) | ?, ?, ?, ?)");
    this.#advance = db.prepare(
      "UPDATE streams SET last_seq = ?, state = coalesce(?, state), updated_ms = max(updated_ms, ?) WHERE stream = ?",
    );
    this.#close = db.prepare("UPDATE streams SET closed = 1, updated_ms = max(updated_ms, ?) WHERE stream = ?");
  }

  unit(request: StreamRequest): Unit {
    return {
      id: request.id,
      apply: () => {
        try {
          return this.#apply(request);
        } catch (error) {
          // What is known may be ahead of the file now: ask again next time.
          this.forget();
          throw error;
        }
      },
    };
  }

  /** After a rollback. */
  forget(): void {
    this.#known.clear();
  }

  #apply(request: StreamRequest): WriteReply {
    switch (request.type) {
      case "append":
        return this.#append(request);
      case "close":
        return this.#closeStream(request);
      case "remove":
        return this.#remove(request);
    }
  }

  #append(request: AppendRequest): WriteReply {
    const known = this.#lookUp(request) ?? this.#make(request, request.tsMs);
    if (known.closed) return { id: request.id, type: "closed" };
    const firstSeq = known.lastSeq + 1;
    let seq = known.lastSeq;
    for (let i = 0; i < request.types.length; i += 1) {
      seq += 1;
      this.#insert.run(known.stream, seq, request.tsMs, request.types[i] ?? "", request.payloads[i] ?? "null");
    }
    this.#advance.run(seq, request.state ?? null, request.tsMs, known.stream);
    known.lastSeq = seq;
    return { id: request.id, type: "appended", firstSeq, lastSeq: seq };
  }

  #closeStream(request: CloseStreamRequest): WriteReply {
    const known = this.#lookUp(request) ?? this.#make(request, request.tsMs);
    if (!known.closed) this.#close.run(request.tsMs, known.stream);
    known.closed = true;
    return { id: request.id, type: "changed", events: 0 };
  }

  #remove(request: RemoveStreamRequest): WriteReply {
    const known = this.#lookUp(request);
    if (known === undefined) return { id: request.id, type: "changed", events: 0 };
    const { stream } = known;
    const updatedMs = this.db.prepare("SELECT updated_ms FROM streams WHERE stream = ?").pluck().get(stream) as number;
    if (request.unlessAfterMs !== undefined && updatedMs > request.unlessAfterMs) {
      return { id: request.id, type: "changed", events: -1 };
    }
    const range = "key > (? << 32) AND key <= ((? << 32) | 4294967295)";
    const { changes } = this.db.prepare(`DELETE FROM events WHERE ${range}`).run(stream, stream);
    this.db.prepare("DELETE FROM streams WHERE stream = ?").run(stream);
    this.#known.delete(keyOf(request));
    return { id: request.id, type: "changed", events: changes };
  }

  #lookUp(request: StreamRequest): KnownStream | undefined {
    const key = keyOf(request);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const row = this.#find.get(request.streamId, request.kind, request.tenantId) as
      | { stream: number; lastSeq: number; closed: number }
      | undefined;
    if (row === undefined) return undefined;
    return this.#remember(key, { stream: row.stream, lastSeq: row.lastSeq, closed: row.closed === 1 });
  }

  #make(request: StreamRequest, tsMs: number): KnownStream {
    const { lastInsertRowid } = this.#create.run(request.streamId, request.kind, request.tenantId, tsMs);
    return this.#remember(keyOf(request), { stream: Number(lastInsertRowid), lastSeq: 0, closed: false });
  }

  #remember(key: string, stream: KnownStream): KnownStream {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, stream);
    return stream;
  }
}

function keyOf(request: StreamRequest): string {
  return `${request.streamId}/${request.kind}/${request.tenantId}`;
}
