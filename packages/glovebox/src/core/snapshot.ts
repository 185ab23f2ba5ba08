import { z } from "zod";
import { Isolation } from "./isolation.ts";

/** Why a snapshot was taken: by hand, by the template's `snapshots`, of the present before it was rolled back, or because its session gave its memory back. */
export const SnapshotOrigin = z.enum(["manual", "before_execution", "after_success", "before_rollback", "release"]);
export type SnapshotOrigin = z.infer<typeof SnapshotOrigin>;

export const SnapshotInput = z.strictObject({
  name: z.string().min(1).max(128).optional(),
  description: z.string().max(4096).optional(),
  /** `true`: with memory and running processes; `false`: files alone. Default: the most that the isolation can. */
  memory: z.boolean().optional(),
});
export type SnapshotInput = z.infer<typeof SnapshotInput>;

/** A session's state frozen. */
export const Snapshot = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  sessionId: z.string(),
  /** The snapshot that the session's state came from when this one was taken: they form a tree. */
  parentId: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  /** What it holds: the workspace, or the whole sandbox with memory and processes. */
  kind: z.enum(["files", "memory"]),
  isolation: Isolation,
  origin: SnapshotOrigin,
  /** Of an automatic one: the execution before or after which it was taken. */
  executionId: z.string().optional(),
  /** Of files: entries in the workspace. */
  entries: z.number().int().optional(),
  /** What it holds, bytes. */
  bytes: z.number().int(),
  /** What it takes on disk beyond what it shares with other snapshots of the session, bytes. */
  storedBytes: z.number().int(),
  /** Sockets and devices, which no snapshot of files holds. */
  skipped: z.number().int().optional(),
  createdAt: z.string(),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** A path in the workspace. Bytes that are not UTF-8 are written `%xx`, and so is `%` itself. */
export const SnapshotChange = z.strictObject({
  path: z.string(),
  change: z.enum(["added", "removed", "modified"]),
  kind: z.enum(["file", "dir", "symlink", "pipe"]),
  /** Bytes before and after, of files. */
  sizeBefore: z.number().int().optional(),
  sizeAfter: z.number().int().optional(),
});
export type SnapshotChange = z.infer<typeof SnapshotChange>;

export const RollbackInput = z.strictObject({
  /** Id of a snapshot of the session. */
  snapshot: z.string(),
  /** Only these files and folders of the workspace; what was not there then goes. `%xx` stands for a byte. Default: everything. */
  paths: z.array(z.string().min(1).max(4096)).min(1).max(1000).optional(),
  /** End what runs in the session. Default: `conflict` while something does. */
  force: z.boolean().optional(),
});
export type RollbackInput = z.infer<typeof RollbackInput>;

export const ForkInput = z.strictObject({
  /** How many sessions. Default 1. */
  count: z.number().int().min(1).max(64).optional(),
  /** Fork the state of this snapshot. Default: the session's state now. */
  snapshot: z.string().optional(),
});
export type ForkInput = z.infer<typeof ForkInput>;
