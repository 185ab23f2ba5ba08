import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of a block, as `stat` counts them. */
const BLOCK = 512;
const MANIFEST = "manifest.json";

/** What the files of a snapshot take on the disk, but for its manifest and what lies in folders of it, which may be shared. Memory is mostly holes. */
export async function diskBytes(dir: string): Promise<number> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name !== MANIFEST).map(({ name }) => name);
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(dir, name))).blocks * BLOCK));
  return sizes.reduce((sum, size) => sum + size, 0);
}
