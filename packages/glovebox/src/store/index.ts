/** State on disk behind one asynchronous interface. */
export type * from "./agent-records.ts";
export type * from "./audit-records.ts";
export type * from "./ci-run-records.ts";
export type * from "./conversation-records.ts";
export type * from "./lesson-records.ts";
export * from "./repository-records.ts";
export type * from "./run-records.ts";
export type * from "./sealed-records.ts";
export type * from "./snapshot-records.ts";
export { openForReading, openForWriting, storeFailed } from "./sqlite/connection.ts";
export type { StoreFaults, WriteKind } from "./sqlite/faults.ts";
export { restoreBackup } from "./sqlite/maintenance/restore.ts";
export { migrateFile } from "./sqlite/migrate.ts";
export type { Migration } from "./sqlite/migrations/migration.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./sqlite/open.ts";
export type * from "./store.ts";
