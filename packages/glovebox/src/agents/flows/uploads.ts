import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, GloveboxError, newId } from "../../core/index.ts";

/** How long an upload is kept after it was last read, milliseconds: as long can a run be taken back to its beginning. */
const KEPT_MS = 7 * 86_400_000;
const HASH = /^[0-9a-f]{64}$/;

/** Repositories that clients have sent, as tars named by their hash. Who knows the hash knows the content. */
export class Uploads {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Keeps a tar. On disk when it resolves. */
  async put(archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<{ readonly sha256: string }> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const partial = join(this.#folder, `${newId()}.partial`);
    const digest = createHash("sha256");
    const hashing = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        digest.update(chunk);
        done(null, chunk);
      },
    });
    try {
      const file = createWriteStream(partial, { mode: 0o600, flush: true });
      await pipeline(Readable.from(archive), hashing, file, signal === undefined ? {} : { signal });
      const sha256 = digest.digest("hex");
      await rename(partial, this.#file(sha256));
      return { sha256 };
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  /** The tar. `not_found` when there is none of that hash, or not any more. */
  async *get(sha256: string): AsyncGenerator<Uint8Array> {
    const file = this.#file(sha256);
    const now = this.#clock.nowMs() / 1_000;
    try {
      await utimes(file, now, now);
    } catch {
      throw new GloveboxError("not_found", `no uploaded repository ${sha256}`);
    }
    yield* createReadStream(file) as AsyncIterable<Uint8Array>;
  }

  /** Removes what nobody has read for a week. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const file = join(this.#folder, name);
      const found = await stat(file).catch(() => undefined);
      if (found !== undefined && found.mtimeMs < this.#clock.nowMs() - KEPT_MS) await rm(file, { force: true });
    }
  }

  #file(sha256: string): string {
    if (HASH.test(sha256)) return join(this.#folder, sha256);
    throw new GloveboxError("invalid_argument", "an upload is named by its SHA-256");
  }
}
