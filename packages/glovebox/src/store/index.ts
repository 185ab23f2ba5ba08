/** State on disk behind one asynchronous interface. */
export type * from "./audit-records.ts";
export type * from "./ci-run-records.ts";
export type * from "./conversation-records.ts";
export * from "./repository-records.ts";
export type * from "./run-records.ts";
export type * from "./sealed-records.ts";
export type * from "./snapshot-records.ts";
export type { StoreFaults, WriteKind } from "./sqlite/faults.ts";
export { restoreBackup } from "./sqlite/maintenance/restore.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./sqlite/open.ts";
export type * from "./store.ts";
