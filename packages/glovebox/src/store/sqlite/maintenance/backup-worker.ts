/** The thread that makes a backup: copying databases and hashing burn CPU. */
import { parentPort, workerData } from "node:worker_threads";
import { errorCode } from "../connection.ts";
import { type BackupTask, makeArchive } from "./make-archive.ts";

export type BackupOutcome =
  | { readonly ok: true; readonly bytes: number; readonly sha256: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

if (parentPort === null) throw new Error("this file makes backups in a worker only");
try {
  const made = await makeArchive(workerData as BackupTask);
  parentPort.postMessage({ ok: true, ...made } satisfies BackupOutcome);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  parentPort.postMessage({ ok: false, code: errorCode(error), message } satisfies BackupOutcome);
}
