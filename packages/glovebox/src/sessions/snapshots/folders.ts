import { join } from "node:path";

/** One folder a session, in it one a snapshot, named by its id. */
export function snapshotsFolder(dataDir: string): string {
  return join(dataDir, "snapshots");
}

export function sessionFolder(dataDir: string, sessionId: string): string {
  return join(snapshotsFolder(dataDir), sessionId);
}

export function snapshotDir(dataDir: string, snapshot: { readonly sessionId: string; readonly id: string }): string {
  return join(sessionFolder(dataDir, snapshot.sessionId), snapshot.id);
}

/** Folders of work in progress, beside the snapshots so that they can share contents. Those that a crash left go at the next start. */
export function scratchDir(dataDir: string, sessionId: string, id: string): string {
  return join(sessionFolder(dataDir, sessionId), `tmp-${id}`);
}
