import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../../core/index.ts";
import type { Descriptor } from "./manifest.ts";

const MAX_DOCUMENT_BYTES = 4 * 1_048_576;

/** No link is followed, and nothing that would keep us waiting (a FIFO, a device) is read. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** An OCI image layout in a folder of the host, whose content may be anybody's: every blob is held against its digest. */
export class OciLayout {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** `index.json`. Errors: `invalid_argument`. */
  async index(): Promise<Uint8Array> {
    await using file = await this.#open("index.json");
    return await readWhole(file, MAX_DOCUMENT_BYTES, "index.json");
  }

  /** A blob that is a document. Errors: `invalid_argument`. */
  async document(descriptor: Descriptor): Promise<Uint8Array> {
    if (descriptor.size > MAX_DOCUMENT_BYTES) throw invalid(`${descriptor.digest} is too large for a document`);
    const parts: Uint8Array[] = [];
    for await (const part of this.blob(descriptor)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** A blob's bytes. Errors: `invalid_argument`, at its end when it is not what its descriptor says. */
  async *blob({ digest, size }: Descriptor): AsyncGenerator<Uint8Array> {
    await using file = await this.#open(join("blobs", "sha256", digest.slice("sha256:".length)));
    const hash = createHash("sha256");
    let read = 0;
    for await (const part of file.createReadStream({ autoClose: false, highWaterMark: 262_144 })) {
      const bytes = part as Uint8Array;
      read += bytes.length;
      if (read > size) break;
      hash.update(bytes);
      yield bytes;
    }
    if (read !== size) throw invalid(`${digest} has not the ${size} bytes that it should have`);
    if (`sha256:${hash.digest("hex")}` !== digest)
      throw invalid(`${digest} is damaged: its content has another digest`);
  }

  async #open(path: string): Promise<FileHandle> {
    const file = await open(join(this.#folder, path), FLAGS).catch((cause: unknown) => {
      throw new GloveboxError("invalid_argument", `no OCI image: ${path} cannot be read`, { cause });
    });
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw invalid(`${path} is not a file`);
  }
}

async function readWhole(file: FileHandle, maxBytes: number, what: string): Promise<Uint8Array> {
  const { size } = await file.stat();
  if (size > maxBytes) throw invalid(`${what} is larger than ${maxBytes} bytes`);
  return file.readFile();
}

function invalid(why: string): GloveboxError {
  return new GloveboxError("invalid_argument", `the OCI image: ${why}`);
}
