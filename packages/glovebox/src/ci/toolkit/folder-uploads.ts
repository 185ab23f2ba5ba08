import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { JobUploads } from "./job-storage.ts";

/** Of one upload. Clients take 4 MiB a block or more. */
const MAX_BLOCKS = 4096;
/** Of a run at a time. */
const MAX_UPLOADS = 64;
const ORDER = "order.json";
const Order = z.array(z.string().regex(/^[0-9a-f]{40}$/)).max(MAX_BLOCKS);

/** Uploads in a folder: one for each, with a file for each block, named by hashes. `maxBytes`: of all that are not finished. */
export class FolderUploads implements JobUploads {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** Counted from what is there when it is asked first. */
  #held: Promise<{ bytes: number }> | undefined;

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  async begin(id: string): Promise<void> {
    await this.remove(id);
    const others = await readdir(this.#folder).catch(() => []);
    if (others.length >= MAX_UPLOADS) {
      throw new GloveboxError("resource_exhausted", `a run has ${MAX_UPLOADS} uploads at a time at most`);
    }
    await mkdir(this.#path(id), { recursive: true, mode: 0o700 });
  }

  async block(id: string, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const folder = await this.#begun(id);
    const known = await readdir(folder);
    if (known.length > MAX_BLOCKS) {
      throw new GloveboxError("resource_exhausted", `an upload has ${MAX_BLOCKS} blocks at most`);
    }
    const target = join(folder, fileOf(name));
    const scratch = `${target}.${process.hrtime.bigint()}.part`;
    try {
      await this.#write(scratch, content);
      const before = await sizeOf(target);
      await rename(scratch, target);
      await this.#count(-before);
    } catch (error) {
      await this.#forget(scratch);
      throw error;
    }
  }

  async commit(id: string, names: readonly string[]): Promise<void> {
    const folder = await this.#begun(id);
    const files = names.map(fileOf);
    const there = new Set(await readdir(folder));
    const missing = files.findIndex((file) => !there.has(file));
    if (missing !== -1 || files.length > MAX_BLOCKS) {
      throw new GloveboxError("invalid_argument", "the upload has no such block");
    }
    const scratch = join(folder, "order.part");
    await writeFile(scratch, JSON.stringify(files), { mode: 0o600 });
    await rename(scratch, join(folder, ORDER));
  }

  async read(id: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const folder = this.#path(id);
    const text = await readFile(join(folder, ORDER), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const files = Order.parse(JSON.parse(text));
    return (async function* () {
      for (const file of files) yield* createReadStream(join(folder, file)) as AsyncIterable<Uint8Array>;
    })();
  }

  async remove(id: string): Promise<void> {
    const folder = this.#path(id);
    const bytes = await bytesIn(folder);
    await rm(folder, { recursive: true, force: true });
    await this.#count(-bytes);
  }

  async #begun(id: string): Promise<string> {
    const folder = this.#path(id);
    await access(folder).catch((cause: unknown) => {
      throw new GloveboxError("not_found", "there is no such upload", { cause });
    });
    return folder;
  }

  async #write(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await open(path, "wx", 0o600);
    try {
      for await (const piece of content) {
        await this.#count(piece.length);
        await file.appendFile(piece);
      }
    } finally {
      await file.close();
    }
  }

  async #forget(path: string): Promise<void> {
    const bytes = await sizeOf(path);
    await rm(path, { force: true });
    await this.#count(-bytes);
  }

  async #count(bytes: number): Promise<void> {
    this.#held ??= bytesBelow(this.#folder).then((held) => ({ bytes: held }));
    const held = await this.#held;
    if (bytes > 0 && held.bytes + bytes > this.#maxBytes) {
      throw new GloveboxError("resource_exhausted", `unfinished uploads of a run have ${this.#maxBytes} bytes at most`);
    }
    held.bytes = Math.max(0, held.bytes + bytes);
  }

  #path(id: string): string {
    return join(this.#folder, fileOf(id));
  }
}

/** A sandbox's name is never a file's. */
function fileOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 40);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function bytesBelow(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => bytesIn(join(folder, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
