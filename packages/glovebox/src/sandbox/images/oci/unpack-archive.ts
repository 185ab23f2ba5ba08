import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { GloveboxError } from "../../../core/index.ts";
import { settle } from "../settle.ts";
import { decompressed, detectCompression } from "./decompress.ts";

/** The only names that are taken out of an archive; each stands for itself, so none leads anywhere else. */
const WANTED = /^(?:\.\/)?(index\.json|blobs\/sha256\/[0-9a-f]{64})$/;

export interface UnpackOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** Puts the OCI layout that a tar holds (plain, gzip or zstd) into `folder`. Errors: `invalid_argument`, `payload_too_large`, `cancelled`. */
export async function unpackArchive(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { maxBytes, signal }: UnpackOptions,
): Promise<void> {
  await mkdir(join(folder, "blobs", "sha256"), { recursive: true, mode: 0o700 });
  const { compression, stream } = await detectCompression(archive);
  const unpack = extract();
  const taking = async (): Promise<void> => {
    const seen = new Set<string>();
    for await (const entry of unpack) {
      const name = wantedName(entry.header);
      if (name === undefined || seen.has(name)) {
        entry.resume();
        continue;
      }
      seen.add(name);
      const content = Readable.from(entry as AsyncIterable<Uint8Array>);
      await pipeline(content, createWriteStream(join(folder, name), { flags: "wx", mode: 0o600 }), { signal });
    }
  };
  const tar = Readable.from(decompressed(stream, compression, maxBytes));
  await settle("the archive cannot be read", signal, [
    taking(),
    pipeline(tar, unpack as unknown as NodeJS.WritableStream, { signal }),
  ]);
}

function wantedName(header: Header): string | undefined {
  if (header.type !== "file" && header.type !== "contiguous-file") return undefined;
  return WANTED.exec(header.name)?.[1];
}

export function noImage(): GloveboxError {
  return new GloveboxError("invalid_argument", "the archive holds no OCI image");
}
