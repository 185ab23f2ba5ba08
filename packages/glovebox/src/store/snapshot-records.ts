import type { Snapshot } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

/** What is known of snapshots; their contents are folders elsewhere. They go with their session. */
export interface SnapshotStore {
  /**
   * Adds a snapshot, and makes it the one that the session's state comes from. Errors: `not_found` when there is no such session any more,
   * `resource_exhausted` when the session has `maxCount`.
   */
  create(snapshot: Snapshot, limits: { readonly maxCount: number }): Promise<void>;
  get(tenantId: string, id: string): Promise<Snapshot | undefined>;
  list(tenantId: string, sessionId: string, page?: PageRequest): Promise<Page<Snapshot>>;
  /** All of a session, oldest first. */
  all(sessionId: string): Promise<readonly Snapshot[]>;
  /**
   * Removes one; its children get its parent. `heir` takes over the bytes on disk that it shared with others. False when there is none such.
   */
  delete(snapshot: Snapshot, heir?: { readonly id: string; readonly moreStoredBytes: number }): Promise<boolean>;
  /** Bytes on disk of a tenant's snapshots, or of all. */
  storedBytes(tenantId?: string): Promise<number>;
}
