import { readdir, readFile } from "node:fs/promises";

/** Processes of this machine with that word among their arguments. */
export async function processesWith(word: string): Promise<number> {
  let count = 0;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(word)) count += 1;
  }
  return count;
}
