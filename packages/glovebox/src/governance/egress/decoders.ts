import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

const MAX_LAYERS = 2;

/** Streams that undo `encodings`, in the order to apply them; `undefined` where one is unknown or there are more than two. */
export function createDecoders(encodings: readonly string[]): Transform[] | undefined {
  if (encodings.length > MAX_LAYERS) return undefined;
  const makers = encodings.toReversed().map((name) => DECODERS[name]);
  if (makers.includes(undefined)) return undefined;
  return makers.flatMap((make) => (make === undefined ? [] : [make()]));
}
