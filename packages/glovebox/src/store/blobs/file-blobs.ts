import { createHash, randomUUID } from "node:crypto";
import { createReadStream, rmSync, statSync } from "node:fs";
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { storeFailed } from "../sqlite/connection.ts";
import type { StoreFaults } from "../sqlite/faults.ts";
import type { BlobStore } from "../store.ts";

const HASH = /^[0-9a-f]{64}$/;

/** Blobs as files named by their hash: `blobs/ab/abcd…`. */
export class FileBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #faults: StoreFaults | undefined;
  /** What is being put in its place now, how often. */
  readonly #placing = new Map<string, number>();

  constructor(folder: string, faults: StoreFaults | undefined) {
    this.#folder = folder;
    this.#faults = faults;
  }

  /** Makes the folders and removes what a crash left half written. Called once, before any other. */
  async prepare(): Promise<void> {
    const unfinished = this.#unfinishedFolder();
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    for (const name of await readdir(unfinished)) await rm(join(unfinished, name), { force: true });
  }

  /** On disk when it resolves. Storing what is there already writes it again, which heals a damaged file. */
  async put(data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ readonly hash: string; readonly size: number }> {
    const unfinished = join(this.#unfinishedFolder(), randomUUID());
    try {
      this.#faults?.before("blob");
      const written = await writeHashed(unfinished, data instanceof Uint8Array ? [data] : data);
      await this.#place(unfinished, written.hash);
      return written;
    } catch (error) {
      await rm(unfinished, { force: true });
      throw storeFailed("could not store a blob", error);
    }
  }

  /**
   * The bytes, streaming. `not_found` when there is no such blob. `store_failed` at the end when they are not what was stored: what
   * was read until then must not be used.
   */
  async *get(hash: string): AsyncGenerator<Uint8Array> {
    const digest = createHash("sha256");
    const file = this.#path(hash);
    try {
      for await (const chunk of createReadStream(file, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>) {
        digest.update(chunk);
        yield chunk;
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        throw new GloveboxError("not_found", `no blob ${hash}`);
      }
      throw storeFailed("could not read a blob", error);
    }
    if (digest.digest("hex") !== hash) {
      throw new GloveboxError("store_failed", `the blob ${hash} is damaged on disk`, { details: { hash } });
    }
  }

  async has(hash: string): Promise<boolean> {
    const file = this.#path(hash);
    try {
      await access(file);
      return true;
    } catch {
      return false;
    }
  }

  async delete(hash: string): Promise<void> {
    const file = this.#path(hash);
    try {
      await rm(file, { force: true });
    } catch (error) {
      throw storeFailed("could not delete a blob", error);
    }
  }

  /** Deletes a blob unless it was put at or after `beforeMs`, or is being put now. False when it stays. */
  deleteIfOld(hash: string, beforeMs: number): boolean {
    const file = this.#path(hash);
    if (this.#placing.has(hash)) return false;
    try {
      // Both at once: nobody can begin to put it between them.
      const found = statSync(file, { throwIfNoEntry: false });
      if (found !== undefined && found.mtimeMs >= beforeMs) return false;
      rmSync(file, { force: true });
      return true;
    } catch (error) {
      throw storeFailed("could not delete a blob", error);
    }
  }

  async #place(unfinished: string, hash: string): Promise<void> {
    this.#placing.set(hash, (this.#placing.get(hash) ?? 0) + 1);
    try {
      const folder = join(this.#folder, hash.slice(0, 2));
      if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(this.#folder);
      await rename(unfinished, join(folder, hash));
      await syncFolder(folder);
    } finally {
      const others = (this.#placing.get(hash) ?? 1) - 1;
      if (others === 0) this.#placing.delete(hash);
      else this.#placing.set(hash, others);
    }
  }

  #unfinishedFolder(): string {
    return join(this.#folder, "unfinished");
  }

  #path(hash: string): string {
    if (!HASH.test(hash)) {
      throw new GloveboxError("invalid_argument", "a blob is named by its SHA-256, 64 lower-case hexadecimal digits", {
        details: { path: "hash" },
      });
    }
    return join(this.#folder, hash.slice(0, 2), hash);
  }
}

async function writeHashed(
  file: string,
  data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<{ hash: string; size: number }> {
  const digest = createHash("sha256");
  let size = 0;
  await using handle: FileHandle = await open(file, "wx", 0o600);
  for await (const chunk of data) {
    digest.update(chunk);
    await writeAll(handle, chunk);
    size += chunk.byteLength;
  }
  await handle.sync();
  return { hash: digest.digest("hex"), size };
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < chunk.byteLength) offset += (await handle.write(chunk, offset)).bytesWritten;
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
