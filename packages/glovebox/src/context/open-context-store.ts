import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Clock, type Logger, silentLogger, systemClock } from "../core/index.ts";
import type { Embedder } from "../models/index.ts";
import { migrateFile } from "../store/index.ts";
import type { ContextStore } from "./context-store.ts";
import { CONTEXT_MIGRATIONS } from "./database/schema.ts";
import { EmbeddedContextStore } from "./embedded-context-store.ts";
import { EmbeddingQueue } from "./embedders/embedding-queue.ts";
import { hashingEmbedder } from "./embedders/hashing-embedder.ts";
import { ContextThread } from "./worker/context-thread.ts";
import type { WriterMethods } from "./worker/messages.ts";
import { ReaderPool } from "./worker/reader-pool.ts";

export interface ContextStoreOptions {
  /** Where `context.db` lies; made when it does not exist. Whoever opens it sees to it that nobody else does. */
  readonly dataDir: string;
  /** Default: the built-in one, which needs no model. */
  readonly embedder?: Embedder;
  /** Threads that read and search; default 2. Each keeps about 500 bytes per chunk in memory once it has searched by nearness, and up to 70 more for each of the last four filters. */
  readonly readers?: number;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Opens the context store of a data folder; its threads begin with the first use. `store_failed` when it cannot be opened, or was written by a newer Glovebox. */
export function openContextStore(options: ContextStoreOptions): ContextStore {
  const {
    dataDir,
    embedder = hashingEmbedder,
    readers: count = 2,
    logger = silentLogger,
    clock = systemClock,
  } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "context.db");
  migrateFile(file, CONTEXT_MIGRATIONS, join(dataDir, "backups"), clock.nowMs());
  chmodSync(file, 0o600);
  const writer = new ContextThread<WriterMethods>({ file, role: "writer" });
  const readers = new ReaderPool(file, count);
  const isComputedHere = embedder.name === hashingEmbedder.name;
  const queue = isComputedHere ? undefined : new EmbeddingQueue({ embedder, writer, readers, logger });
  return new EmbeddedContextStore({ writer, readers, embedder, queue, clock });
}
