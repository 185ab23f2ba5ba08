import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** In the run folder of a sandbox that stands still: a later server could wait for its agent for ever. */
const NAME = "paused";

export async function notePaused(folder: string, paused: boolean): Promise<void> {
  if (paused) await writeFile(join(folder, NAME), "", { mode: 0o600 });
  else await rm(join(folder, NAME), { force: true });
}

export async function isPaused(folder: string): Promise<boolean> {
  return (await stat(join(folder, NAME)).catch(() => undefined)) !== undefined;
}
