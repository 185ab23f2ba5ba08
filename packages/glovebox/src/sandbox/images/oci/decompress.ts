import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { GloveboxError } from "../../../core/index.ts";
import type { Compression } from "./manifest.ts";

/** RFC 1952 and RFC 8878. */
const MAGIC: readonly (readonly [Compression, Uint8Array])[] = [
  ["gzip", Uint8Array.of(0x1f, 0x8b)],
  ["zstd", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)],
];

/** A stream's bytes without their compression, `maxBytes` at most. Errors: `payload_too_large`; zlib's for damaged ones. */
export async function* decompressed(
  stream: AsyncIterable<Uint8Array>,
  compression: Compression,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of unpacked(stream, compression)) {
    total += piece.length;
    if (total > maxBytes) {
      throw new GloveboxError("payload_too_large", `the image has more than ${maxBytes} bytes, uncompressed`);
    }
    yield piece;
  }
}

function unpacked(stream: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === "none") return stream;
  const source = Readable.from(stream);
  const through = compression === "gzip" ? createGunzip() : createZstdDecompress();
  source.once("error", (error) => through.destroy(error));
  through.once("close", () => source.destroy());
  return source.pipe(through);
}

/** Passes bytes on, and at their end holds them against a digest. Errors: `invalid_argument`. */
export async function* verified(stream: AsyncIterable<Uint8Array>, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of stream) {
    hash.update(piece);
    yield piece;
  }
  if (`sha256:${hash.digest("hex")}` === digest) return;
  throw new GloveboxError("invalid_argument", `a layer of the OCI image is damaged: it is not ${digest}`);
}

/** What a stream is packed with, by its first bytes; and the stream from its beginning. */
export async function detectCompression(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly stream: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  let ended = false;
  while (length < 4 && !ended) {
    const next = await iterator.next();
    if (next.done) ended = true;
    else {
      head.push(next.value);
      length += next.value.length;
    }
  }
  const start = Buffer.concat(head);
  const found = MAGIC.find(([, magic]) => start.subarray(0, magic.length).equals(magic));
  return { compression: found?.[0] ?? "none", stream: continued(start, iterator) };
}

async function* continued(start: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (start.length > 0) yield start;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
