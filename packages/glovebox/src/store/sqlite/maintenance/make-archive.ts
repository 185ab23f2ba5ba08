import { existsSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { toTimestamp } from "../../../core/index.ts";
import { openForReading } from "../connection.ts";
import { type DataFolder, eventFiles } from "../data-folder.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { type BackupFile, type BackupManifest, MANIFEST_NAME } from "./manifest.ts";

export interface BackupTask {
  readonly folder: DataFolder;
  /** The archive, not yet under its final name. */
  readonly archive: string;
  /** Room for the copy of one database at a time. */
  readonly scratch: string;
  readonly nowMs: number;
}

/** Copies databases and blobs into the archive. Blocks its thread for long: see `backup-worker.ts`. */
export async function makeArchive(task: BackupTask): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const { folder } = task;
  const archive = new ArchiveWriter(task.archive, task.nowMs);
  const files: (BackupFile | undefined)[] = [];
  // Rows first, their streams and blobs after them: a row may lag behind its stream, but must never lead it (decision 0004).
  files.push(await addDatabase(archive, "glovebox.db", folder.mainFile, task.scratch));
  if (existsSync(folder.contextFile)) {
    files.push(await addDatabase(archive, "context.db", folder.contextFile, task.scratch));
  }
  for (const name of eventFiles(folder.eventsFolder)) {
    files.push(await addDatabase(archive, `events/${name}`, join(folder.eventsFolder, name), task.scratch));
  }
  for (const prefix of (await readdir(folder.blobsFolder)).filter((name) => /^[0-9a-f]{2}$/.test(name)).sort()) {
    for (const hash of (await readdir(join(folder.blobsFolder, prefix))).sort()) {
      files.push(await archive.addFile(`blobs/${prefix}/${hash}`, join(folder.blobsFolder, prefix, hash)));
    }
  }
  const manifest: BackupManifest = {
    format: "glovebox-backup",
    version: 1,
    createdAt: toTimestamp(task.nowMs),
    files: files.filter((file) => file !== undefined),
  };
  await archive.addText(MANIFEST_NAME, JSON.stringify(manifest));
  return archive.finish();
}

/** A copy as of one moment, while the writer goes on. Never opened by path otherwise: that would drop SQLite's locks on it. */
async function addDatabase(
  archive: ArchiveWriter,
  path: string,
  file: string,
  scratch: string,
): Promise<BackupFile | undefined> {
  // Made first, so that nobody else may read it; SQLite takes an empty file.
  await writeFile(scratch, "", { mode: 0o600 });
  const db = openForReading(file);
  try {
    db.prepare("VACUUM INTO ?").run(scratch);
  } finally {
    db.close();
  }
  const added = await archive.addFile(path, scratch);
  await rm(scratch, { force: true });
  if (added === undefined) throw new Error(`the copy of ${basename(file)} has disappeared`);
  return added;
}
