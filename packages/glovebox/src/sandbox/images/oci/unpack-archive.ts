import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, readTar } from "../read-tar.ts";
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
  const seen = new Set<string>();
  const tar = decompressed(stream, compression, maxBytes);
  await readTar(tar, "the archive cannot be read", signal, async (header, content) => {
    const name = wantedName(header);
    if (name === undefined || seen.has(name)) return;
    seen.add(name);
    const file = createWriteStream(join(folder, name), { flags: "wx", mode: 0o600 });
    await pipeline(Readable.from(content), file, { signal });
  });
}

function wantedName(header: Header): string | undefined {
  if (header.type !== "file" && header.type !== "contiguous-file") return undefined;
  return WANTED.exec(header.name)?.[1];
}
