import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError, type Isolation } from "../../core/index.ts";
import type { SnapshotManifest } from "../snapshot.ts";
import { contentDigest } from "./content-digest.ts";

export const MANIFEST_NAME = "manifest.json";
const MAX_MANIFEST_BYTES = 1 << 20;
/** What may be a file of a snapshot: no way out of its folder. */
const FILE_NAME = /^[a-z][a-z0-9.-]{0,63}$/;

type Described = Omit<SnapshotManifest, "version" | "files" | "takenAtMs">;

/**
 * Ends the making of a snapshot: takes the checksums of all files in `dir` (of folders in it a driver takes them itself), and writes the manifest last, so that a folder
 * with a manifest is whole. Errors: those of the file system.
 */
export async function writeManifest(
  dir: string,
  described: Described,
  signal?: AbortSignal,
): Promise<SnapshotManifest> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const name of await filesIn(dir)) {
    const path = join(dir, name);
    files[name] = { bytes: (await stat(path)).size, sha256: await contentDigest(path, signal) };
  }
  const manifest: SnapshotManifest = { version: 2, ...described, takenAtMs: Date.now(), files };
  const partial = join(dir, `${MANIFEST_NAME}.part`);
  await using handle = await open(partial, "w", 0o600);
  await handle.writeFile(JSON.stringify(manifest));
  await handle.datasync();
  await rename(partial, join(dir, MANIFEST_NAME));
  return manifest;
}

/**
 * Reads a snapshot's manifest and checks every file against it. Errors: `snapshot_corrupt` for what is missing, damaged or too much;
 * `snapshot_incompatible` for one of another isolation or of a format that this version does not know.
 */
export async function readManifest(dir: string, isolation: Isolation, signal?: AbortSignal): Promise<SnapshotManifest> {
  const manifest = parseManifest(await readBounded(join(dir, MANIFEST_NAME)));
  if (manifest.isolation !== isolation) {
    throw new GloveboxError("snapshot_incompatible", `The snapshot is one of ${manifest.isolation}, not ${isolation}`);
  }
  const digestOf = manifest.version === 1 ? sha256Of : contentDigest;
  const present = await filesIn(dir);
  if (present.join("/") !== Object.keys(manifest.files).sort().join("/"))
    throw corrupt("its files are not those it names");
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const path = join(dir, name);
    if ((await stat(path)).size !== bytes) throw corrupt(`${name} has another length`);
    if ((await digestOf(path, signal)) !== sha256) throw corrupt(`${name} is damaged`);
  }
  return manifest;
}

/** Errors: `snapshot_incompatible`, naming what differs from `here`. */
export function requireCompatible(manifest: SnapshotManifest, here: Readonly<Record<string, string>>): void {
  const names = new Set([...Object.keys(manifest.compatibility), ...Object.keys(here)]);
  const differing = [...names].filter((name) => manifest.compatibility[name] !== here[name]);
  if (differing.length === 0) return;
  const said = differing.map(
    (name) => `${name} (then ${manifest.compatibility[name] ?? "none"}, now ${here[name] ?? "none"})`,
  );
  throw new GloveboxError("snapshot_incompatible", `The snapshot does not fit this host: ${said.join(", ")}`, {
    details: { differing },
  });
}

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith(MANIFEST_NAME));
  return files.map(({ name }) => name).sort();
}

function parseManifest(text: string): SnapshotManifest {
  let value: Partial<SnapshotManifest>;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt("its manifest is not JSON");
  }
  if (value?.version !== 1 && value?.version !== 2)
    throw new GloveboxError("snapshot_incompatible", "The snapshot has a format that is not known here");
  const sound =
    typeof value.isolation === "string" &&
    (value.kind === "files" || value.kind === "memory") &&
    Number.isSafeInteger(value.takenAtMs) &&
    isRecord(value.compatibility) &&
    Object.values(value.compatibility).every((entry) => typeof entry === "string") &&
    isRecord(value.data) &&
    isRecord(value.files) &&
    Object.entries(value.files).every(([name, file]) => FILE_NAME.test(name) && isFile(file));
  if (!sound) throw corrupt("its manifest is not one");
  return value as SnapshotManifest;
}

function isFile(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { bytes, sha256 } = value;
  return (
    Number.isSafeInteger(bytes) && Number(bytes) >= 0 && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readBounded(path: string): Promise<string> {
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) throw corrupt("it has no manifest");
  if (size > MAX_MANIFEST_BYTES) throw corrupt("its manifest is too long");
  return readFile(path, "utf8");
}

/** As manifests of version 1 have it. */
async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const stream = createReadStream(path, { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) });
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

function corrupt(why: string): GloveboxError {
  return new GloveboxError("snapshot_corrupt", `The snapshot is damaged: ${why}`);
}
