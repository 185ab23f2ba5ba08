import { type Clock, type Logger, silentLogger, systemClock } from "../../core/index.ts";
import { FileBlobStore } from "../blobs/file-blobs.ts";
import type { Store } from "../store.ts";
import { SqliteAgentStore } from "./agent-store.ts";
import { SqliteAgentTaskStore } from "./agent-task-store.ts";
import { SqliteApprovalStore } from "./approval-store.ts";
import { SqliteAuditStore } from "./audit-store.ts";
import { SqliteAuthorityStore } from "./authority-store.ts";
import { SqliteCiRunStore } from "./ci-run-store.ts";
import { storeFailed } from "./connection.ts";
import { SqliteConversationStore } from "./conversation-store.ts";
import { type DataFolder, dataFolder, makeFolders, migrateFolder } from "./data-folder.ts";
import { SqliteDeliveryStore } from "./delivery-store.ts";
import { CommitNotices } from "./events/commit-notices.ts";
import { SqliteEventLog } from "./events/event-log.ts";
import { EventReader } from "./events/event-reader.ts";
import { RefusedStreams } from "./events/refused-streams.ts";
import { SqliteExecutionStore } from "./execution-store.ts";
import type { StoreFaults } from "./faults.ts";
import { SqliteIdempotencyStore } from "./idempotency-store.ts";
import { SqliteLessonStore } from "./lesson-store.ts";
import { FolderLock } from "./lock.ts";
import { MainReader } from "./main-reader.ts";
import { MainWrites } from "./main-writes.ts";
import { SqliteMaintenance } from "./maintenance/maintenance.ts";
import { SqliteReportStore } from "./report-store.ts";
import { SqliteRepositoryStore } from "./repository-store.ts";
import { RunRemovals } from "./run-removals.ts";
import { SqliteRunStore } from "./run-store.ts";
import { SqliteSealedValueStore } from "./sealed-value-store.ts";
import { SqliteSecretStore } from "./secret-store.ts";
import { SqliteSessionStore } from "./session-store.ts";
import { SqliteSettingsStore } from "./settings-store.ts";
import { SqliteSnapshotStore } from "./snapshot-store.ts";
import { StreamRemovals } from "./stream-removals.ts";
import { SqliteTemplateStore } from "./template-store.ts";
import { SqliteTokenStore } from "./token-store.ts";
import { WriterThread } from "./writer-thread.ts";

export interface SqliteStoreOptions {
  /** Made when it does not exist, for its owner only. */
  readonly dataDir: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Tests only. */
  readonly faults?: StoreFaults;
}

/**
 * Opens the store in a data folder: locks it, migrates it, starts the writer. `unavailable` when another server has it;
 * `store_failed` when it cannot be written, is damaged, or was written by a newer Glovebox. Dispose of it to let go of the folder.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const folder = dataFolder(options.dataDir);
  await using opened = new AsyncDisposableStack();
  makeFolders(folder);
  const lock = opened.use(FolderLock.acquire(folder.root, clock.nowMs()));
  if (lock.takenOverFrom !== undefined) {
    logger.warn(
      { holder: lock.takenOverFrom },
      "took over the data folder from a process that ended without closing it",
    );
  }
  migrateFolder(folder, clock.nowMs(), logger);
  return await connect(folder, { logger, clock, faults: options.faults }, opened);
}

async function connect(
  folder: DataFolder,
  parts: { readonly logger: Logger; readonly clock: Clock; readonly faults: StoreFaults | undefined },
  opened: AsyncDisposableStack,
): Promise<Store> {
  const { logger, clock, faults } = parts;
  try {
    // Disposed of in reverse: the readers go before the writer, whose last connection then empties the logs into the databases.
    const writer = opened.use(await WriterThread.start(folder));
    const reader = opened.use(new MainReader(folder.mainFile));
    const eventReader = opened.use(new EventReader(folder.eventsFolder));
    const notices = new CommitNotices();
    const refused = new RefusedStreams();
    const writes = new MainWrites(writer, faults, refused);
    const removals = opened.use(new StreamRemovals(reader, writes, writer, logger));
    const events = new SqliteEventLog({ writer, reader: eventReader, notices, clock, faults, refused });
    opened.defer(() => events.end());
    const blobs = new FileBlobStore(folder.blobsFolder, faults);
    await blobs.prepare();
    const runRemovals = opened.use(new RunRemovals({ reader, writes, blobs, clock, logger }));
    const settings = new SqliteSettingsStore(reader, writes);
    const idempotency = new SqliteIdempotencyStore(writes, clock);
    await idempotency.releaseAbandoned();
    removals.removeSoon();
    runRemovals.removeSoon();
    const maintenance = opened.use(
      new SqliteMaintenance({
        folder,
        reader,
        eventReader,
        writer,
        writes,
        removals,
        runRemovals,
        settings,
        clock,
        logger,
      }),
    );
    const resources = opened.move();
    return {
      templates: new SqliteTemplateStore(reader, writes),
      sessions: new SqliteSessionStore(reader, writes, removals),
      executions: new SqliteExecutionStore(reader, writes),
      tokens: new SqliteTokenStore(reader, writes),
      idempotency,
      secrets: new SqliteSecretStore(reader, writes),
      authorities: new SqliteAuthorityStore(reader, writes),
      audit: new SqliteAuditStore(reader, writes),
      runs: new SqliteRunStore(reader, writes, runRemovals),
      snapshots: new SqliteSnapshotStore(reader, writes),
      conversations: new SqliteConversationStore(reader, writes),
      approvals: new SqliteApprovalStore(reader, writes),
      repositories: new SqliteRepositoryStore(reader, writes),
      sealedValues: new SqliteSealedValueStore(reader, writes),
      deliveries: new SqliteDeliveryStore(reader, writes),
      reports: new SqliteReportStore(reader, writes),
      ciRuns: new SqliteCiRunStore(reader, writes),
      lessons: new SqliteLessonStore(reader, writes),
      agents: new SqliteAgentStore(reader, writes),
      agentTasks: new SqliteAgentTaskStore(reader, writes),
      events,
      blobs,
      settings,
      maintenance,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    throw storeFailed(`could not open the data folder ${folder.root}`, error);
  }
}
