import { type FileHandle, open } from "node:fs/promises";
import { GloveboxError } from "../../core/index.ts";

/** A piece of a heap. */
export interface Content {
  readonly offset: number;
  readonly size: number;
}

const READ_BYTES = 1_048_576;
const WRITE_BYTES = 1_048_576;

/**
 * The contents of all files of an image that is being made, one after the other in one file of ours. So no name that an archive
 * holds ever becomes a name on the host.
 */
export class ContentHeap implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #maxBytes: number;
  #length = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  private constructor(file: FileHandle, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  static async create(path: string, maxBytes: number): Promise<ContentHeap> {
    return new ContentHeap(await open(path, "wx+", 0o600), maxBytes);
  }

  /** A file whose pieces are known, to read. */
  static async over(path: string): Promise<ContentHeap> {
    return new ContentHeap(await open(path, "r"), 0);
  }

  /** Errors: `payload_too_large` beyond the heap's bound; the system's (`ENOSPC`). */
  async append(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Content> {
    const offset = this.#length;
    for await (const piece of pieces) {
      if (this.#length + piece.length > this.#maxBytes) {
        throw new GloveboxError("payload_too_large", `an image's files may have ${this.#maxBytes} bytes together`);
      }
      this.#length += piece.length;
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
      if (this.#waitingBytes >= WRITE_BYTES) await this.#flush();
    }
    return { offset, size: this.#length - offset };
  }

  /** Most files of an image are small: they are written many at a time. */
  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    const from = this.#length - this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, from + done);
      done += bytesWritten;
    }
  }

  /** For what is known to be small. */
  async readWhole(content: Content): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of this.read(content)) parts.push(part);
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  async *read({ offset, size }: Content): AsyncGenerator<Uint8Array> {
    if (this.#waitingBytes > 0) await this.#flush();
    const end = offset + size;
    for (let at = offset; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new GloveboxError("internal", "a file of the image being made was cut short");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
