import { existsSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import type { NewEvent, StoredEvent } from "../../../core/index.ts";
import { toTimestamp } from "../../../core/index.ts";
import { openForReading, storeFailed } from "../connection.ts";
import { StatementCache } from "../statement-cache.ts";
import type { StreamAddress } from "../worker/messages.ts";

const MAX_OPEN = 16;

export interface StreamHead {
  readonly stream: number;
  readonly lastSeq: number;
  readonly closed: boolean;
  /** JSON. */
  readonly state: string | null;
}

interface EventRow {
  readonly seq: number;
  readonly ts: number;
  readonly type: string;
  readonly payload: string;
}

/** A stream as the sweeper sees it. */
export interface StreamRow {
  readonly stream: number;
  readonly tenantId: string;
  readonly kind: string;
  readonly id: string;
  readonly lastSeq: number;
  readonly closed: number;
  readonly updatedMs: number;
}

/** How much one read gives at most; `maxBytes` of payload are exceeded by one event at most. */
export interface ReadBounds {
  readonly afterSeq: number;
  readonly limit: number;
  readonly maxBytes?: number;
}

const HEAD =
  "SELECT stream, last_seq AS lastSeq, closed, state FROM streams WHERE id = ? AND kind = ? AND tenant_id = ?";
const EVENTS = `SELECT key & 4294967295 AS seq, ts, type, payload FROM events
  WHERE key > ((? << 32) | ?) AND key <= ((? << 32) | 4294967295) ORDER BY key LIMIT ?`;

const STREAMS = `SELECT stream, tenant_id AS tenantId, kind, id, last_seq AS lastSeq, closed, updated_ms AS updatedMs
  FROM streams WHERE stream > ? ORDER BY stream LIMIT ?`;

/** Reads event files on connections of its own; the least recently used is closed first. */
export class EventReader implements Disposable {
  readonly #folder: string;
  readonly #open = new Map<string, { readonly db: Database; readonly statements: StatementCache }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  head(address: StreamAddress): StreamHead | undefined {
    const row = this.#reading(address, (statements) =>
      statements.get(HEAD).get(address.streamId, address.kind, address.tenantId),
    ) as (Omit<StreamHead, "closed"> & { closed: number }) | undefined;
    return row === undefined ? undefined : { ...row, closed: row.closed === 1 };
  }

  /** Events of a stream that {@link head} found. */
  events(address: StreamAddress, head: StreamHead, bounds: ReadBounds): StoredEvent[] {
    const found = this.#reading(address, (statements) => {
      const events: StoredEvent[] = [];
      const maxBytes = bounds.maxBytes ?? Number.POSITIVE_INFINITY;
      let bytes = 0;
      const rows = statements.get(EVENTS).iterate(head.stream, bounds.afterSeq, head.stream, bounds.limit);
      for (const row of rows as IterableIterator<EventRow>) {
        bytes += row.payload.length;
        events.push(toEvent(row));
        if (bytes >= maxBytes) break;
      }
      return events;
    });
    return found ?? [];
  }

  /** The streams of a file after the one numbered `after`. */
  streams(file: string, after: number, limit: number): StreamRow[] {
    const found = this.#reading({ file }, (statements) => statements.get(STREAMS).all(after, limit));
    return (found ?? []) as StreamRow[];
  }

  /** The file was dropped. */
  forget(file: string): void {
    this.#open.get(file)?.db.close();
    this.#open.delete(file);
  }

  [Symbol.dispose](): void {
    for (const { db } of this.#open.values()) db.close();
    this.#open.clear();
  }

  #reading<T>({ file }: { readonly file: string }, work: (statements: StatementCache) => T): T | undefined {
    try {
      const open = this.#get(file);
      return open === undefined ? undefined : work(open);
    } catch (error) {
      throw storeFailed("could not read events", error);
    }
  }

  #get(file: string): StatementCache | undefined {
    const path = join(this.#folder, file);
    let known = this.#open.get(file);
    this.#open.delete(file);
    if (known === undefined) {
      if (!existsSync(path)) return undefined;
      const db = openForReading(path);
      known = { db, statements: new StatementCache(db) };
    }
    this.#open.set(file, known);
    for (const [oldest, { db }] of this.#open) {
      if (this.#open.size <= MAX_OPEN) break;
      db.close();
      this.#open.delete(oldest);
    }
    return known.statements;
  }
}

function toEvent(row: EventRow): StoredEvent {
  const event = { type: row.type, payload: JSON.parse(row.payload) } as NewEvent;
  return { ...event, seq: row.seq, ts: toTimestamp(row.ts) };
}
