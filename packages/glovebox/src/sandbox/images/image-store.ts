import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { canonicalJson, GloveboxError, type Language } from "../../core/index.ts";
import type { Image, ImageOrigin } from "./image.ts";

const ROOTFS = "rootfs.squashfs";
const RECORD = ".json";

/** What the store remembers of a name; apart from `Image`, because it is on disk. */
export interface ImageRecord {
  readonly version: 1;
  readonly id: string;
  /** SHA-256 of the squashfs. */
  readonly contentHash: string;
  /** Of the definition and what it copies, where there is one. */
  readonly inputsHash: string | null;
  readonly languages: readonly Language[];
  readonly sizeBytes: number;
  readonly origin: ImageOrigin;
  readonly description: string;
  readonly createdAt: string;
}

export type NewImage = Pick<ImageRecord, "inputsHash" | "languages" | "origin" | "description" | "createdAt">;

/**
 * Images by the hash of what they are, and names for them. A name's file is written last and makes the image count; contents that no name leads to
 * are removed.
 */
export class ImageStore {
  readonly #contents: string;
  readonly #names: string;

  constructor(dir: string) {
    this.#contents = join(dir, "contents");
    this.#names = join(dir, "names");
  }

  async names(): Promise<string[]> {
    const files = await readdir(this.#names).catch(() => [] as string[]);
    return files
      .filter((file) => file.endsWith(RECORD))
      .map((file) => file.slice(0, -RECORD.length))
      .sort();
  }

  /** What a name stands for; `undefined` when it stands for nothing, or its content is gone. */
  async record(name: string): Promise<ImageRecord | undefined> {
    const text = await readFile(join(this.#names, name + RECORD), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const record = parseRecord(text);
    const found = record && (await stat(this.#rootfs(record.id)).catch(() => undefined));
    return found?.size === record?.sizeBytes ? record : undefined;
  }

  image(name: string, record: ImageRecord): Image {
    const { id, languages, sizeBytes, origin, description, createdAt } = record;
    return { name, id, rootfs: this.#rootfs(id), languages, sizeBytes, origin, description, createdAt };
  }

  /** Takes a finished squashfs (it is moved) as what `name` stands for from now on. */
  async keep(name: string, squashfs: string, facts: NewImage): Promise<Image> {
    const contentHash = await hashFile(squashfs);
    const { size } = await stat(squashfs);
    const id = imageId(contentHash, facts);
    const before = await this.record(name);
    await mkdir(join(this.#contents, id), { recursive: true, mode: 0o755 });
    await syncFile(squashfs);
    await rename(squashfs, this.#rootfs(id));
    await syncFile(join(this.#contents, id));
    const record: ImageRecord = { version: 1, id, contentHash, sizeBytes: size, ...facts };
    await this.#writeRecord(name, record);
    if (before && before.id !== id) await this.#removeUnnamed(before.id);
    return this.image(name, record);
  }

  /** False when the name stood for nothing. */
  async remove(name: string): Promise<boolean> {
    const record = await this.record(name);
    await rm(join(this.#names, name + RECORD), { force: true });
    if (record) await this.#removeUnnamed(record.id);
    return record !== undefined;
  }

  async #removeUnnamed(id: string): Promise<void> {
    for (const name of await this.names()) if ((await this.record(name))?.id === id) return;
    await rm(join(this.#contents, id), { recursive: true, force: true });
  }

  async #writeRecord(name: string, record: ImageRecord): Promise<void> {
    await mkdir(this.#names, { recursive: true, mode: 0o755 });
    const partial = join(this.#names, `.${name}-${randomBytes(6).toString("hex")}`);
    try {
      await writeFile(partial, `${JSON.stringify(record)}\n`, { flag: "wx", flush: true });
      await rename(partial, join(this.#names, name + RECORD));
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncFile(this.#names);
  }

  #rootfs(id: string): string {
    return join(this.#contents, id, ROOTFS);
  }
}

/** The hash of definition and content. */
export function imageId(contentHash: string, { inputsHash }: Pick<ImageRecord, "inputsHash">): string {
  return createHash("sha256").update(canonicalJson({ contentHash, inputsHash })).digest("hex");
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash);
  return hash.digest("hex");
}

function parseRecord(text: string): ImageRecord | undefined {
  try {
    const record = JSON.parse(text) as ImageRecord;
    return record.version === 1 && /^[0-9a-f]{64}$/.test(record.id) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** A folder too: what was renamed into it is on disk then. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Turns what a full disk says into an error of ours. */
export function asImageError(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== "ENOSPC") return error;
  return new GloveboxError("resource_exhausted", "no space left on the disk for the image", { cause: error });
}
