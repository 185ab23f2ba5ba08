import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { extract, type Header } from "tar-stream";
import { GloveboxError, hasTarSize } from "../../../core/index.ts";
import { openForReading, storeFailed } from "../connection.ts";
import { type BackupFile, type BackupManifest, isBackupPath, MANIFEST_MAX_BYTES, MANIFEST_NAME } from "./manifest.ts";

/**
 * Puts a backup into `dataDir`, which must not exist or be empty (`already_exists`). Every file is checked against the backup's manifest
 * and every database for its inner consistency before the folder gets its name; `snapshot_corrupt` when something is not right.
 */
export async function restoreBackup(file: string, dataDir: string): Promise<{ readonly files: number }> {
  const target = resolve(dataDir);
  if (!(await isAbsentOrEmpty(target))) {
    throw new GloveboxError("already_exists", `${dataDir} is not empty: a backup is restored into a new folder only`);
  }
  const unfinished = `${target}.restoring-${randomUUID()}`;
  try {
    const { found, manifest } = await unpack(file, unfinished);
    checkFiles(manifest, found);
    for (const { path } of found) if (path.endsWith(".db")) checkDatabase(join(unfinished, path));
    for (const folder of await foldersUnder(unfinished)) await syncFolder(folder);
    await rmdir(target).catch(() => {});
    await rename(unfinished, target);
    await syncFolder(dirname(target));
    return { files: found.length };
  } catch (error) {
    throw storeFailed("could not restore the backup", error);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function isAbsentOrEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return true;
    throw storeFailed(`could not look into ${folder}`, error);
  }
}

async function unpack(file: string, folder: string): Promise<{ found: BackupFile[]; manifest: string }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found: BackupFile[] = [];
  let manifest = "";
  const source = createReadStream(file, { highWaterMark: 262_144 });
  const entries = extract();
  source.on("error", (error) => entries.destroy(error));
  source.pipe(entries as unknown as NodeJS.WritableStream);
  try {
    for await (const entry of entries) {
      const { name, type, size } = entry.header as Header;
      const chunks = entry as unknown as AsyncIterable<Uint8Array>;
      if (!hasTarSize({ size })) throw damaged(`no size for '${name}'`);
      if (manifest !== "" || type !== "file") throw damaged(`unexpected entry '${name}'`);
      if (name === MANIFEST_NAME) manifest = await readText(chunks, size);
      else if (isBackupPath(name)) found.push(await writeFile(folder, name, chunks));
      else throw damaged(`unexpected entry '${name}'`);
    }
  } catch (error) {
    if (error instanceof GloveboxError || isSystemError(error)) throw error;
    throw damaged(error instanceof Error ? error.message : String(error));
  } finally {
    source.destroy();
  }
  return { found, manifest };
}

async function writeFile(folder: string, path: string, chunks: AsyncIterable<Uint8Array>): Promise<BackupFile> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const digest = createHash("sha256");
  let size = 0;
  // `wx`: a name that comes twice is refused.
  await using handle = await open(target, "wx", 0o600);
  for await (const chunk of chunks) {
    digest.update(chunk);
    size += chunk.byteLength;
    await handle.writeFile(chunk);
  }
  await handle.sync();
  return { path, size, sha256: digest.digest("hex") };
}

async function readText(chunks: AsyncIterable<Uint8Array>, size: number): Promise<string> {
  if (size > MANIFEST_MAX_BYTES) throw damaged("its manifest is too large");
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

function checkFiles(text: string, found: readonly BackupFile[]): void {
  if (text === "") throw damaged("it ends before its manifest");
  const manifest = parseManifest(text);
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  for (const file of found) {
    const expected = listed.get(file.path);
    listed.delete(file.path);
    if (expected === undefined) throw damaged(`'${file.path}' is not in its manifest`);
    if (expected.size !== file.size || expected.sha256 !== file.sha256) {
      throw damaged(`'${file.path}' differs from its checksum`);
    }
  }
  for (const path of listed.keys()) throw damaged(`'${path}' is missing`);
  if (!found.some(({ path }) => path === "glovebox.db")) throw damaged("it holds no database");
}

function parseManifest(text: string): BackupManifest {
  let manifest: Partial<BackupManifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<BackupManifest> | null;
  } catch {
    throw damaged("its manifest is no JSON");
  }
  if (manifest?.format !== "glovebox-backup" || !Array.isArray(manifest.files))
    throw damaged("its manifest is not ours");
  if (manifest.version !== 1) {
    throw new GloveboxError("snapshot_incompatible", "the backup has another format than 1, which this Glovebox reads");
  }
  if (manifest.files.some((file: unknown) => typeof file !== "object" || file === null)) {
    throw damaged("its manifest is not ours");
  }
  return manifest as BackupManifest;
}

function checkDatabase(file: string): void {
  const db = openForReading(file);
  try {
    const result = db.pragma("quick_check(1)", { simple: true });
    if (result !== "ok") throw damaged(`${file}: ${String(result)}`);
  } finally {
    db.close();
  }
}

async function foldersUnder(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return [root, ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))];
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function damaged(reason: string): GloveboxError {
  return new GloveboxError("snapshot_corrupt", `the backup is damaged: ${reason}`);
}
