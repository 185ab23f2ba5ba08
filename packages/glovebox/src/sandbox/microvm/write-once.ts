import { randomBytes } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";

/** Writes a file that others may be writing, too, with the same content: whoever looks sees all of it or nothing. */
export async function writeOnce(path: string, data: Uint8Array): Promise<void> {
  await makeOnce(path, (partial) => writeFile(partial, data, { mode: 0o644 }));
}

/** The same for what `make` writes to the path that it is given. */
export async function makeOnce(path: string, make: (partial: string) => Promise<unknown>): Promise<void> {
  const partial = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await make(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
