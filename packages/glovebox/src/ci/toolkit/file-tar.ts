import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { addEntry, tarOf } from "./add-entry.ts";

/** One file as an uncompressed tar. */
export function fileToTar(name: string, size: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return tarOf((tar) => addEntry(tar, { name, size, mode: 0o644 }, Readable.from(content)), pack());
}
