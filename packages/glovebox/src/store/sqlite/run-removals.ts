import { type Compilable, CompiledQuery } from "kysely";
import type { Clock, Logger } from "../../core/index.ts";
import type { FileBlobStore } from "../blobs/file-blobs.ts";
import type { MainReader } from "./main-reader.ts";
import type { MainWrites, Step } from "./main-writes.ts";

/** Records a transaction: a long journal must not keep every other write waiting. */
const BATCH_RECORDS = 2000;
const BATCH = 200;
/** How long a payload that lost a record is kept: whoever writes it just now, or copies its record to a fork, is done by then. Milliseconds. */
const BLOB_GRACE_MS = 3_600_000;

const NOTE_BLOBS = `INSERT INTO blob_removals (hash, noted_ms) SELECT DISTINCT payload_hash, ? FROM run_records
  WHERE run_id = ? AND seq >= ? AND seq <= ? AND place = 'blob' ON CONFLICT DO NOTHING`;

/** Takes away what is left of removed runs: their records, and the payloads in blobs that no record has any more. What a crash leaves is noted, and goes later. */
export class RunRemovals implements AsyncDisposable {
  readonly #reader: MainReader;
  readonly #writes: MainWrites;
  readonly #blobs: FileBlobStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #work: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(parts: {
    readonly reader: MainReader;
    readonly writes: MainWrites;
    readonly blobs: FileBlobStore;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#reader = parts.reader;
    this.#writes = parts.writes;
    this.#blobs = parts.blobs;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** Steps that take runs away at once and note their records. The last one's changes are how many there were. */
  take(ids: readonly string[], tenantId?: string): Step[] {
    const list = JSON.stringify(ids);
    const which = `id IN (SELECT value FROM json_each(?))${tenantId === undefined ? "" : " AND tenant_id = ?"}`;
    const parameters = tenantId === undefined ? [list] : [list, tenantId];
    return [
      {
        query: raw(
          `INSERT INTO run_removals (run_id) SELECT id FROM runs WHERE ${which} ON CONFLICT DO NOTHING`,
          parameters,
        ),
      },
      { query: raw(`DELETE FROM ci_runs WHERE ${which}`, parameters) },
      { query: raw(`DELETE FROM runs WHERE ${which}`, parameters) },
    ];
  }

  /** A step that notes a record's payload, if it is in a blob; to come before the one that takes it from the record. */
  noteBlob(runId: string, seq: number): Step {
    return this.#noteBlobs(runId, seq, seq);
  }

  /** Goes on in the background with what an earlier process left. */
  removeSoon(): void {
    this.#work = this.#work.then(async () => {
      try {
        await this.removeNoted();
      } catch (error) {
        // It stays noted, and is tried again at the next sweep or start.
        this.#logger.warn({ error: String(error) }, "records of removed runs could not be removed yet");
      }
    });
  }

  /** Removes what is noted, blobs after their grace. */
  async removeNoted(nowMs: number = this.#clock.nowMs()): Promise<void> {
    while (!this.#ended) {
      const runs = this.#reader.all(raw<{ run_id: string }>("SELECT run_id FROM run_removals LIMIT ?", [BATCH]));
      if (runs.length === 0) break;
      for (const { run_id: runId } of runs) await this.removeRecords(runId);
    }
    await this.#removeBlobs(nowMs - BLOB_GRACE_MS);
  }

  /** Of a run that was taken away. */
  async removeRecords(runId: string): Promise<void> {
    while (!this.#ended) {
      const page = raw<{ first: number | null; last: number }>(
        "SELECT min(seq) AS first, max(seq) AS last FROM (SELECT seq FROM run_records WHERE run_id = ? ORDER BY seq LIMIT ?)",
        [runId, BATCH_RECORDS],
      );
      const { first = null, last = 0 } = this.#reader.first(page) ?? {};
      if (first === null) {
        await this.#writes.run("retention", [{ query: raw("DELETE FROM run_removals WHERE run_id = ?", [runId]) }]);
        return;
      }
      await this.#writes.run("retention", [
        this.#noteBlobs(runId, first, last),
        { query: raw("DELETE FROM run_records WHERE run_id = ? AND seq <= ?", [runId, last]) },
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#work;
  }

  async #removeBlobs(beforeMs: number): Promise<void> {
    let after = "";
    while (!this.#ended) {
      const page = raw<{ hash: string; isUsed: number }>(
        `SELECT hash, EXISTS (SELECT 1 FROM run_records AS r WHERE r.payload_hash = blob_removals.hash AND place = 'blob') AS isUsed
         FROM blob_removals WHERE hash > ? AND noted_ms <= ? ORDER BY hash LIMIT ?`,
        [after, beforeMs, BATCH],
      );
      const noted = this.#reader.all(page);
      const done = noted.filter(({ hash, isUsed }) => isUsed === 1 || this.#blobs.deleteIfOld(hash, beforeMs));
      const hashes = JSON.stringify(done.map(({ hash }) => hash));
      const forget = raw("DELETE FROM blob_removals WHERE hash IN (SELECT value FROM json_each(?))", [hashes]);
      if (done.length > 0) await this.#writes.run("retention", [{ query: forget }]);
      if (noted.length < BATCH) return;
      after = noted.at(-1)?.hash ?? "";
    }
  }

  #noteBlobs(runId: string, first: number, last: number): Step {
    return { query: raw(NOTE_BLOBS, [this.#clock.nowMs(), runId, first, last]) };
  }
}

function raw<Row>(statement: string, parameters: readonly unknown[]): Compilable<Row> {
  return { compile: () => CompiledQuery.raw(statement, [...parameters]) as CompiledQuery<Row> };
}
