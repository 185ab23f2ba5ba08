import type { Isolation } from "./isolation.ts";
import type { SessionInfo } from "./session.ts";

/** Why a snapshot was taken. */
export type SnapshotOrigin = "manual" | "before_execution" | "after_success" | "before_rollback" | "release";

/** A session's state frozen. */
export interface Snapshot {
  readonly id: string;
  readonly tenantId: string;
  readonly sessionId: string;
  /** The snapshot that the session's state came from when this one was taken. */
  readonly parentId?: string;
  readonly name?: string;
  readonly description?: string;
  /** The workspace, or the whole sandbox with memory and processes. */
  readonly kind: "files" | "memory";
  readonly isolation: Isolation;
  readonly origin: SnapshotOrigin;
  readonly executionId?: string;
  /** Of files: entries in the workspace. */
  readonly entries?: number;
  /** What it holds. */
  readonly bytes: number;
  /** What it takes on disk beyond what it shares with others of the session. */
  readonly storedBytes: number;
  /** Sockets and devices, which it does not hold. */
  readonly skipped?: number;
  readonly createdAt: string;
}

export interface SnapshotInput {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** `true`: with memory and running processes; `false`: files alone. Default: the most that the isolation can. */
  readonly memory?: boolean | undefined;
}

export interface SnapshotChange {
  /** Bytes that are not UTF-8 are `%xx`, and `%` is `%25`. */
  readonly path: string;
  readonly change: "added" | "removed" | "modified";
  readonly kind: "file" | "dir" | "symlink" | "pipe";
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
}

export interface RollbackOptions {
  /** Only these files and folders; what was not there then goes. Default: everything. */
  readonly paths?: readonly string[] | undefined;
  /** End what runs in the session. */
  readonly force?: boolean | undefined;
}

export interface ForkOptions {
  /** 1 to 64; default 1. */
  readonly count?: number | undefined;
  /** A snapshot's id; default: the state now. */
  readonly snapshot?: string | undefined;
}

export interface ForkAnswer {
  readonly sessions: readonly SessionInfo[];
  /** `files`: the files alone. Else memory and processes too, sharing what does not change (`shared`) or as copies. */
  readonly path: "files" | "shared" | "copied";
  /** Milliseconds that the parent stood still. */
  readonly silentMs: number;
}
