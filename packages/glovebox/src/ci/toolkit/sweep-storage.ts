import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** The beginning of a file's name in a run's folder of artifacts; the rest is the id of a run that keeps them. */
export const KEPT_BY = "kept-by-";

/** What is younger may belong to a run that is about to say so, milliseconds. */
const UNUSED_MS = 86_400_000;
/** Longer than any run takes. */
const UNFINISHED_MS = 7 * 86_400_000;

/**
 * Removes the artifacts of runs that are gone, with all their attempts, and uploads that were never finished, from the folder of `folderStorage`. `inUse` gives which of these
 * runs there still are. Gives how many folders went.
 */
export async function sweepStorage(
  root: string,
  {
    inUse,
    nowMs,
  }: { readonly inUse: (runIds: readonly string[]) => Promise<ReadonlySet<string>>; readonly nowMs: number },
): Promise<number> {
  let removed = 0;
  const remove = async (folder: string) => {
    await rm(folder, { recursive: true, force: true });
    removed += 1;
  };
  for (const own of await list(root)) {
    const artifacts = join(root, own, "artifacts");
    for (const name of await list(artifacts)) {
      const folder = join(artifacts, name);
      const runs = (await list(folder)).flatMap((file) =>
        file.startsWith(KEPT_BY) ? [file.slice(KEPT_BY.length)] : [],
      );
      const used = await inUse(runs);
      if (used.size === 0 && (await newestMs(folder)) < nowMs - UNUSED_MS) await remove(folder);
    }
    const uploads = join(root, own, "uploads");
    for (const name of await list(uploads)) {
      const folder = join(uploads, name);
      const inner = await Promise.all((await list(folder)).map((upload) => newestMs(join(folder, upload))));
      if (Math.max(await newestMs(folder), ...inner) < nowMs - UNFINISHED_MS) await remove(folder);
    }
    // Those that are empty now; one in which something is made at this moment stays.
    for (const folder of [artifacts, uploads, join(root, own)]) await rmdir(folder).catch(() => {});
  }
  return removed;
}

/** When something was last put into a folder. */
async function newestMs(folder: string): Promise<number> {
  const paths = [folder, ...(await list(folder)).map((name) => join(folder, name))];
  const times = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0));
  return Math.max(...times);
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
