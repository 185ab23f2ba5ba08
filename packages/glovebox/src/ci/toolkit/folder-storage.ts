import { createHash, createHmac, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Clock, GloveboxError } from "../../core/index.ts";
import { fileToTar } from "./file-tar.ts";
import { FolderUploads } from "./folder-uploads.ts";
import type { ArtifactFormat, ByteRange, JobStorage, StoredContent, StoredEntry } from "./job-storage.ts";
import { KEPT_BY } from "./sweep-storage.ts";
import { zipToTar } from "./zip-files.ts";

export interface StorageLimits {
  /** Bytes of one artifact or cache. Default 2 GiB. */
  readonly entryBytes: number;
  /** Bytes of a repository's caches together: the ones used longest ago go first. Default 10 GiB, as on GitHub. */
  readonly cacheBytes: number;
  /** Bytes of a run's artifacts together. Default 10 GiB. */
  readonly artifactBytes: number;
  /** Artifacts of a run. Default 500, as on GitHub for a job. */
  readonly artifacts: number;
  /** Bytes of a run's uploads that are not finished. Default 4 GiB. */
  readonly uploadBytes: number;
}

export const STORAGE_LIMITS: StorageLimits = {
  entryBytes: 2 * 2 ** 30,
  cacheBytes: 10 * 2 ** 30,
  artifactBytes: 10 * 2 ** 30,
  artifacts: 500,
  uploadBytes: 4 * 2 ** 30,
};

const Note = z.object({
  name: z.string(),
  version: z.string(),
  size: z.number(),
  sha256: z.string(),
  format: z.enum(["tar", "zip", "file"]).default("tar"),
  createdAtMs: z.number(),
  usedAtMs: z.number(),
});
type Note = z.infer<typeof Note>;

const MAX_NAME = 512;
/** As `actions/upload-artifact` has it. */
const ARTIFACT_NAME = /^[^"<>|*?\r\n\\/:\0]{1,256}$/;

/** Of whom. Repositories of different tenants share nothing. */
export interface StorageScope {
  readonly tenantId: string;
  readonly repository: string;
  /** Whose artifacts they are: a run's first attempt. */
  readonly runId: string;
  /** The attempt at work: the artifacts stay as long as it does. */
  readonly keptBy: string;
}

/**
 * Storage in a folder of the server: each entry is a file with its content and one with its note, both named by a hash. The note is what makes an entry: it is written last and taken away
 * first, so that a crash leaves nothing half.
 */
export function folderStorage(
  root: string,
  { tenantId, repository, runId, keptBy }: StorageScope,
  {
    clock,
    limits = STORAGE_LIMITS,
    key,
  }: { readonly clock: Pick<Clock, "nowMs">; readonly limits?: StorageLimits; readonly key: Uint8Array },
): JobStorage {
  const own = join(root, hash(tenantId, repository.toLowerCase()));
  const folder = join(own, "artifacts", hash(runId));
  const artifacts = new Shelf(folder, clock, limits.entryBytes);
  const caches = new Shelf(join(own, "caches"), clock, limits.entryBytes);
  return {
    artifacts: {
      async put(name, content, { overwrite = false, format = "tar" } = {}) {
        if (!ARTIFACT_NAME.test(name)) throw invalid(`'${name}' cannot be the name of an artifact`);
        const all = await artifacts.all();
        const others = all.filter((note) => note.name !== name);
        if (others.length < all.length && !overwrite)
          throw new GloveboxError("already_exists", `there is an artifact '${name}' already`);
        if (others.length >= limits.artifacts) throw exhausted(`a run has ${limits.artifacts} artifacts at most`);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        // Before there is anything: what nobody keeps is swept.
        await writeFile(join(folder, `${KEPT_BY}${keptBy}`), "", { mode: 0o600 });
        return artifacts.put({ name, version: "", format }, content, limits.artifactBytes - sum(others));
      },
      list: async () => (await artifacts.all()).map(entryOf),
      async get(name) {
        const found = await artifacts.raw(name, "");
        if (found === undefined) return undefined;
        const { entry, content, path } = found;
        if (entry.format === "zip") return zipToTar(path, limits.entryBytes);
        return entry.format === "file" ? fileToTar(name, entry.size, content()) : content();
      },
      raw: (name, range) => opened(artifacts.raw(name, "", range)),
      remove: (name) => artifacts.remove(name, ""),
    },
    caches: {
      async put(key, version, content) {
        checkKey(key);
        if ((await caches.note(key, version)) !== undefined) return false;
        await caches.put({ name: key, version, format: "tar" }, content, limits.cacheBytes);
        await caches.shrink(limits.cacheBytes);
        return true;
      },
      async find(key, prefixes, version) {
        const exact = await caches.note(key, version);
        if (exact !== undefined) return entryOf(exact);
        const fitting = (await caches.all()).filter((note) => note.version === version);
        for (const prefix of prefixes) {
          const [newest] = fitting
            .filter(({ name }) => name.startsWith(prefix))
            .sort((a, b) => b.createdAtMs - a.createdAtMs);
          if (newest !== undefined) return entryOf(newest);
        }
        return undefined;
      },
      get: async (key, version) => (await caches.raw(key, version))?.content(),
      raw: (key, version, range) => opened(caches.raw(key, version, range)),
    },
    uploads: new FolderUploads(join(own, "uploads", hash(runId)), limits.uploadBytes),
    key: createHmac("sha256", key)
      .update(JSON.stringify([tenantId, repository.toLowerCase(), runId]))
      .digest(),
  };
}

/** An entry whose content is read when it is asked for. */
interface Found extends Pick<StoredContent, "entry"> {
  readonly path: string;
  content(): AsyncIterable<Uint8Array>;
}

async function opened(found: Promise<Found | undefined>): Promise<StoredContent | undefined> {
  const { entry, content } = (await found) ?? {};
  return entry === undefined || content === undefined ? undefined : { entry, content: content() };
}

/** A folder of entries. */
class Shelf {
  readonly #folder: string;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #entryBytes: number;

  constructor(folder: string, clock: Pick<Clock, "nowMs">, entryBytes: number) {
    this.#folder = folder;
    this.#clock = clock;
    this.#entryBytes = entryBytes;
  }

  async all(): Promise<readonly Note[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const notes = await Promise.all(names.filter((name) => name.endsWith(".json")).map((name) => this.#read(name)));
    return notes.filter((note) => note !== undefined);
  }

  note(name: string, version: string): Promise<Note | undefined> {
    return this.#read(`${hash(name, version)}.json`);
  }

  async raw(name: string, version: string, range: ByteRange = { start: 0 }): Promise<Found | undefined> {
    const note = await this.note(name, version);
    if (note === undefined) return undefined;
    const usedAtMs = this.#clock.nowMs();
    await this.#write({ ...note, usedAtMs });
    const path = this.#path(name, version, "tar");
    return { entry: entryOf(note), path, content: () => createReadStream(path, range) };
  }

  async remove(name: string, version: string): Promise<boolean> {
    const isThere = (await this.note(name, version)) !== undefined;
    await rm(this.#path(name, version, "json"), { force: true });
    await rm(this.#path(name, version, "tar"), { force: true });
    return isThere;
  }

  async put(
    { name, version, format }: { readonly name: string; readonly version: string; readonly format: ArtifactFormat },
    content: AsyncIterable<Uint8Array>,
    room: number,
  ): Promise<StoredEntry> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const scratch = join(this.#folder, `${randomUUID()}.part`);
    try {
      const { size, sha256 } = await writeHashed(scratch, content, Math.min(this.#entryBytes, room));
      const nowMs = this.#clock.nowMs();
      await rename(scratch, this.#path(name, version, "tar"));
      const note = { name, version, format, size, sha256, createdAtMs: nowMs, usedAtMs: nowMs };
      await this.#write(note);
      return entryOf(note);
    } finally {
      await rm(scratch, { force: true });
    }
  }

  /** Takes entries away, those used longest ago first, until the rest has so many bytes at most. */
  async shrink(bytes: number): Promise<void> {
    const notes = [...(await this.all())].sort((a, b) => a.usedAtMs - b.usedAtMs);
    let left = sum(notes);
    for (const { name, version, size } of notes) {
      if (left <= bytes) return;
      await this.remove(name, version);
      left -= size;
    }
  }

  #path(name: string, version: string, kind: "json" | "tar"): string {
    return join(this.#folder, `${hash(name, version)}.${kind}`);
  }

  async #read(file: string): Promise<Note | undefined> {
    try {
      const note = Note.safeParse(JSON.parse(await readFile(join(this.#folder, file), "utf8")));
      return note.success ? note.data : undefined;
    } catch {
      return undefined;
    }
  }

  async #write(note: Note): Promise<void> {
    const scratch = join(this.#folder, `${randomUUID()}.part`);
    await writeHashed(scratch, [Buffer.from(JSON.stringify(note))], Number.POSITIVE_INFINITY);
    await rename(scratch, this.#path(note.name, note.version, "json"));
  }
}

async function writeHashed(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  most: number,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const file = await open(path, "wx", 0o600);
  try {
    const digest = createHash("sha256");
    let size = 0;
    for await (const piece of content) {
      size += piece.length;
      if (size > most) throw exhausted(`there is no room for more than ${most} bytes`);
      digest.update(piece);
      await file.appendFile(piece);
    }
    await file.sync();
    return { size, sha256: digest.digest("hex") };
  } finally {
    await file.close();
  }
}

function entryOf({ name, version, format, size, sha256, createdAtMs }: Note): StoredEntry {
  return { name, version, id: hash(name, version), format, size, sha256, createdAtMs };
}

function checkKey(key: string): void {
  if (key === "" || key.length > MAX_NAME) throw invalid(`a cache's key has 1 to ${MAX_NAME} characters`);
  if (key.includes(",")) throw invalid(`the cache's key '${key}' has a comma`);
}

function sum(notes: readonly Note[]): number {
  return notes.reduce((bytes, { size }) => bytes + size, 0);
}

function hash(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 40);
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}

function exhausted(message: string): GloveboxError {
  return new GloveboxError("resource_exhausted", message);
}
