import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { GloveboxError } from "../../../core/index.ts";
import { storeFailed, storeFailure } from "../connection.ts";
import type { DataFolder } from "../data-folder.ts";
import type { BackupOutcome } from "./backup-worker.ts";
import type { BackupTask } from "./make-archive.ts";

const WORKER = new URL(`./backup-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/**
 * Writes a backup to `file`, which appears whole or not at all. `already_exists` when there is a file; `cancelled` when the signal
 * aborts; `store_failed` when the disk does not play along.
 */
export async function backUp(
  folder: DataFolder,
  file: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const target = resolve(file);
  if (existsSync(target)) throw new GloveboxError("already_exists", `${file} exists already`);
  const archive = `${target}.unfinished-${randomUUID()}`;
  const scratch = `${archive}.db`;
  try {
    const { bytes, sha256 } = await inWorker({ folder, archive, scratch, nowMs }, signal);
    await rename(archive, target);
    await using parent = await open(dirname(target), "r");
    await parent.sync();
    return { bytes, sha256 };
  } catch (error) {
    throw storeFailed("could not make the backup", error);
  } finally {
    for (const left of [archive, scratch, `${scratch}-journal`]) await rm(left, { force: true });
  }
}

async function inWorker(task: BackupTask, signal: AbortSignal): Promise<{ bytes: number; sha256: string }> {
  const cancelled = () => new GloveboxError("cancelled", "the backup was cancelled");
  if (signal.aborted) throw cancelled();
  const worker = new Worker(WORKER, { workerData: task, name: "store-backup" });
  const { promise, resolve: settle, reject } = Promise.withResolvers<BackupOutcome>();
  const abort = () => reject(cancelled());
  worker.once("message", settle);
  worker.once("error", reject);
  worker.once("exit", () => reject(new Error("the backup's thread ended early")));
  signal.addEventListener("abort", abort, { once: true });
  try {
    const outcome = await promise;
    if (!outcome.ok) throw storeFailure("could not make the backup", outcome.code, outcome.message);
    return outcome;
  } finally {
    signal.removeEventListener("abort", abort);
    await worker.terminate();
  }
}
