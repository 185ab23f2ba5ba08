import { sql } from "kysely";
import type { Logger, StreamKind } from "../../core/index.ts";
import { eventFileOf } from "./events/file-name.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";
import { query } from "./query.ts";
import type { StreamRemoval } from "./tables.ts";
import type { WriterThread } from "./writer-thread.ts";

const BATCH = 200;

/**
 * Entities and their events are in different files, which no transaction spans. So deleting an entity notes its streams in the same
 * transaction, and the streams are removed afterwards; what a crash leaves is removed at the next start.
 */
export class StreamRemovals implements AsyncDisposable {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;
  readonly #writer: WriterThread;
  readonly #logger: Logger;
  #work: Promise<void> = Promise.resolve();
  #waiting = false;
  #ended = false;

  constructor(reader: MainReader, writes: MainWrites, writer: WriterThread, logger: Logger) {
    this.#reader = reader;
    this.#writes = writes;
    this.#writer = writer;
    this.#logger = logger;
  }

  /** Notes the streams of a session and of its executions. */
  ofSession(tenantId: string, sessionId: string): Step[] {
    return [
      note({ kind: "execution", by: "session_id", values: [sessionId], tenantId }),
      note({ kind: "session", by: "id", values: [sessionId], tenantId }),
    ];
  }

  /** Removes in the background what is noted. */
  removeSoon(): void {
    if (this.#waiting || this.#ended) return;
    this.#waiting = true;
    this.#work = this.#work.then(async () => {
      this.#waiting = false;
      try {
        await this.removeNoted();
      } catch (error) {
        // It stays noted, and is tried again at the next deletion or start.
        this.#logger.warn({ error: String(error) }, "events of deleted entities could not be removed yet");
      }
    });
  }

  /** Removes what is noted now; resolves to how many events went. */
  async removeNoted(): Promise<number> {
    let events = 0;
    while (!this.#ended) {
      const noted = this.#reader.all(query.selectFrom("stream_removals").selectAll().limit(BATCH));
      if (noted.length === 0) break;
      for (const removal of noted) events += await this.#remove(removal);
      await this.#writes.run(
        "retention",
        noted.map((removal) => ({
          query: query
            .deleteFrom("stream_removals")
            .where("tenant_id", "=", removal.tenant_id)
            .where("kind", "=", removal.kind)
            .where("id", "=", removal.id),
        })),
      );
    }
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#work;
  }

  async #remove({ tenant_id: tenantId, kind, id }: StreamRemoval): Promise<number> {
    const reply = await this.#writer.request({ type: "remove", file: eventFileOf(id), tenantId, kind, streamId: id });
    if (reply.type === "failed") throw new Error(reply.message);
    return reply.type === "changed" ? Math.max(0, reply.events) : 0;
  }
}

/** Whose streams: rows of `executions` or `sessions` by a column's values. */
export interface NoteSource {
  readonly kind: StreamKind & ("execution" | "session");
  readonly by: "id" | "session_id";
  readonly values: readonly string[];
  /** Only this tenant's; without it whoever's, for the sweeper. */
  readonly tenantId?: string;
}

/** A step that notes the streams of the rows that are about to be deleted. */
export function note({ kind, by, values, tenantId }: NoteSource): Step {
  const tenant = tenantId === undefined ? sql`` : sql`AND tenant_id = ${tenantId}`;
  const statement = sql`INSERT INTO stream_removals (tenant_id, kind, id) SELECT tenant_id, ${kind}, id
    FROM ${sql.table(`${kind}s`)} WHERE ${sql.ref(by)} IN (${sql.join(values)}) ${tenant} ON CONFLICT DO NOTHING`;
  return { query: { compile: () => statement.compile(query) } };
}
