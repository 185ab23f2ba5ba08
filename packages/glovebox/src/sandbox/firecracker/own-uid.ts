import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const NAME = "uid";

/** Notes in a run folder under which uid its machine lives: the supervisor, which is root, does not show it. */
export async function noteUid(folder: string, uid: number): Promise<void> {
  await writeFile(join(folder, NAME), String(uid), { mode: 0o600 });
}

/** The uids of all run folders. */
export async function notedUids(runDir: string): Promise<number[]> {
  const uids: number[] = [];
  for (const name of await readdir(runDir).catch(() => [])) {
    const text = await readFile(join(runDir, name, NAME), "utf8").catch(() => "");
    if (/^\d{1,10}$/.test(text)) uids.push(Number(text));
  }
  return uids;
}
