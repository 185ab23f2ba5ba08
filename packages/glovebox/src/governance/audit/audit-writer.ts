import { setImmediate as nextTurn } from "node:timers/promises";
import type { AuditEntry, Logger } from "../../core/index.ts";
import type { AuditRow, AuditStore } from "../../store/index.ts";
import { type ChainHead, GENESIS, headOf, toRow } from "./record.ts";

/** Entries that wait for the disk; what comes on top is lost, counted, and told of in the log and in the chain. */
const MAX_WAITING = 10_000;
/** How many of them may be what sandboxes did, so that no program can crowd out what people did. */
const MAX_WAITING_OF_SANDBOXES = 5_000;
const MAX_BATCH = 500;
/**
 * How long an entry waits for others before the batch is written. Every batch is a wait for the disk that requests which change something queue behind: a batch
 * of its own for each of them took a fifth of their throughput. So a killed server may take this much of the log with it.
 */
const BATCH_AFTER_MS = 50;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 30_000;

interface Waiting {
  readonly entry: AuditEntry;
  readonly ts: number;
}

export interface AuditWriterOptions {
  readonly store: AuditStore;
  readonly logger: Logger;
  /** The entry that tells how many were lost. */
  readonly lossEntry: (count: number) => AuditEntry;
  readonly nowMs: () => number;
}

/**
 * The one that writes to the chains, in batches, one after the other. When the disk does not take a batch, it is tried again, later and later: the log then has a
 * delay, and no holes until the queue is full.
 */
export class AuditWriter {
  readonly #options: AuditWriterOptions;
  readonly #heads = new Map<string, ChainHead>();
  readonly #closing = new AbortController();
  #waiting: Waiting[] = [];
  #lost = 0;
  #taken = 0;
  #written = 0;
  #isFailing = false;
  /** Somebody waits to read what was added. */
  #hurried = 0;
  #hurry: () => void = () => {};
  /** The batch that is under way. */
  #attempt: Promise<boolean> = Promise.resolve(true);
  #work: Promise<void> | undefined;

  constructor(options: AuditWriterOptions) {
    this.#options = options;
  }

  add(entry: AuditEntry): void {
    const most = entry.principal.startsWith("session:") ? MAX_WAITING_OF_SANDBOXES : MAX_WAITING;
    if (this.#closing.signal.aborted || this.#waiting.length >= most) {
      this.#lost += 1;
      // Now and then: the log is on the same disk, perhaps.
      if (this.#lost === 1 || this.#lost % 1000 === 0) {
        this.#options.logger.error(
          { lost: this.#lost, action: entry.action },
          "audit entries are lost: the store does not take them",
        );
      }
      return;
    }
    this.#waiting.push({ entry, ts: this.#options.nowMs() });
    this.#taken += 1;
    this.#work ??= this.#run();
  }

  /** Resolves when all that was added by now is on disk, or cannot be written at the moment. */
  async settled(): Promise<void> {
    const upTo = this.#taken;
    this.#hurried += 1;
    this.#hurry();
    try {
      while (this.#written < upTo && !this.#isFailing && this.#work !== undefined) {
        await nextTurn();
        await this.#attempt;
      }
    } finally {
      this.#hurried -= 1;
    }
  }

  /** Writes what waits, if the disk takes it. What is added from now on is lost. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
    const left = this.#waiting.length + this.#lost;
    if (left > 0) this.#options.logger.error({ lost: left }, "audit entries were lost: the store did not take them");
  }

  async #run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (this.#waiting.length > 0) {
      await this.#gather();
      this.#attempt = this.#writeBatch();
      if (await this.#attempt) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      if (this.#closing.signal.aborted) break;
      await wait(retryMs, this.#closing.signal);
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
    this.#work = undefined;
  }

  /** At least until the next turn, so that no request waits for the hashing. */
  async #gather(): Promise<void> {
    await nextTurn();
    if (this.#hurried > 0 || this.#waiting.length >= MAX_BATCH) return;
    const hurry = new AbortController();
    this.#hurry = () => hurry.abort();
    await wait(BATCH_AFTER_MS, AbortSignal.any([hurry.signal, this.#closing.signal]));
  }

  /** `false` when the disk did not take it; it is then still waiting. Never rejects. */
  async #writeBatch(): Promise<boolean> {
    const { store, logger, lossEntry, nowMs } = this.#options;
    const batch = this.#waiting.slice(0, MAX_BATCH);
    const lost = this.#lost;
    const told = lost === 0 ? batch : [...batch, { entry: lossEntry(lost), ts: nowMs() }];
    try {
      await store.append(await this.#toRows(told));
    } catch (error) {
      // Somebody else's rows, or ours after all: the store knows.
      this.#heads.clear();
      if (!this.#isFailing)
        logger.error(
          { error: String(error), waiting: this.#waiting.length },
          "the audit log cannot be written; trying again",
        );
      this.#isFailing = true;
      return false;
    }
    if (this.#isFailing) logger.info({}, "the audit log is written again");
    this.#isFailing = false;
    this.#lost -= lost;
    this.#waiting = this.#waiting.slice(batch.length);
    this.#written += batch.length;
    return true;
  }

  async #toRows(batch: readonly Waiting[]): Promise<AuditRow[]> {
    const rows: AuditRow[] = [];
    for (const { entry, ts } of batch) {
      const row = toRow(entry, ts, this.#heads.get(entry.tenantId) ?? (await this.#storedHead(entry.tenantId)));
      this.#heads.set(entry.tenantId, { seq: row.seq, hash: row.hash });
      rows.push(row);
    }
    return rows;
  }

  async #storedHead(tenantId: string): Promise<ChainHead> {
    const last = await this.#options.store.last(tenantId);
    if (last !== undefined) return { seq: last.seq, hash: last.hash };
    const checkpoint = await this.#options.store.checkpoint(tenantId);
    // A checkpoint that was tampered with is no reason to stop: verifying tells of it.
    return checkpoint === undefined ? GENESIS : (headOf(checkpoint) ?? { seq: checkpoint.seq, hash: checkpoint.hash });
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
