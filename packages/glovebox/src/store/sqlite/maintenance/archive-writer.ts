import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { BackupFile } from "./manifest.ts";

/** Writes a tar file piece by piece, with the checksum of each entry and of the whole, in bounded memory. */
export class ArchiveWriter {
  readonly #file: string;
  readonly #pack = pack();
  readonly #digest = createHash("sha256");
  readonly #written: Promise<void>;
  readonly #nowMs: number;
  #bytes = 0;

  constructor(file: string, nowMs: number) {
    this.#file = file;
    this.#nowMs = nowMs;
    const digest = this.#digest;
    const count = (length: number) => {
      this.#bytes += length;
    };
    this.#written = pipeline(
      this.#pack as unknown as AsyncIterable<Uint8Array>,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          digest.update(chunk);
          count(chunk.byteLength);
          yield chunk;
        }
      },
      createWriteStream(file, { flags: "wx", mode: 0o600 }),
    );
    // Whoever adds entries hears of a failure there, or in `finish`.
    this.#written.catch(() => {});
  }

  /** Adds a file under `path`. `undefined` when it does not exist (any more). */
  async addFile(path: string, source: string): Promise<BackupFile | undefined> {
    const size = await stat(source).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) return undefined;
    const chunks = createReadStream(source, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>;
    return { path, size, sha256: await this.#add(path, size, chunks) };
  }

  async addText(path: string, text: string): Promise<void> {
    const bytes = Buffer.from(text, "utf8");
    await this.#add(path, bytes.length, [bytes]);
  }

  /** Ends the file and waits until it is on disk. */
  async finish(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    this.#pack.finalize();
    await this.#written;
    await using handle = await open(this.#file, "r");
    await handle.sync();
    return { bytes: this.#bytes, sha256: this.#digest.digest("hex") };
  }

  async #add(name: string, size: number, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
    const digest = createHash("sha256");
    const failed = this.#written.then(() => undefined as never);
    failed.catch(() => {});
    const sink = this.#pack.entry({ name, size, mode: 0o600, mtime: new Date(this.#nowMs) });
    const closed = once(sink, "close");
    closed.catch(() => {});
    for await (const chunk of chunks) {
      digest.update(chunk);
      if (!sink.write(chunk)) await Promise.race([once(sink, "drain"), failed]);
    }
    sink.end(null);
    await Promise.race([closed, failed]);
    return digest.digest("hex");
  }
}
