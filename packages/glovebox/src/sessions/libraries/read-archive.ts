import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { hasTarSize } from "../../core/index.ts";

/** No library is as large. */
const MAX_FILE_BYTES = 8 * 1_048_576;

/** One file of an npm package's archive, as text. Errors when it is not there or too large. */
export async function readArchiveFile(archive: Uint8Array, file: string): Promise<string> {
  const unpack = extract();
  const gunzip = createGunzip();
  gunzip.on("error", (error) => unpack.destroy(error));
  gunzip.pipe(unpack);
  gunzip.end(archive);
  for await (const entry of unpack) {
    if (!hasTarSize(entry.header)) throw new Error(`the package says no size for ${JSON.stringify(entry.header.name)}`);
    if (entry.header.name !== `package/${file}`) {
      entry.resume();
      continue;
    }
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of entry as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > MAX_FILE_BYTES) throw new Error(`${file} is larger than ${MAX_FILE_BYTES} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
  }
  throw new Error(`the package has no ${file}`);
}
