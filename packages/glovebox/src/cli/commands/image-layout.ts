import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";

/** The folder of an OCI layout as a tar: its index and its blobs, and nothing else that may lie there. */
export function packLayout(folder: string): AsyncIterable<Uint8Array> {
  const tar = pack();
  const fill = async (): Promise<void> => {
    const blobs = await readdir(join(folder, "blobs", "sha256"));
    for (const name of ["oci-layout", "index.json", ...blobs.map((blob) => `blobs/sha256/${blob}`)]) {
      const { size } = await stat(join(folder, name));
      await pipeline(createReadStream(join(folder, name)), tar.entry({ name, size }));
    }
    tar.finalize();
  };
  fill().catch((error: Error) => void tar.destroy(error));
  return tar as unknown as AsyncIterable<Uint8Array>;
}
