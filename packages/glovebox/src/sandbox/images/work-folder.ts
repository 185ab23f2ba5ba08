import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { nameOfOwner, ownerAlive } from "./owner.ts";

const run = promisify(execFile);
const REMOVE_TIMEOUT_MS = 120_000;

/** Where one image is made; gone when disposed of. */
export interface WorkFolder extends AsyncDisposable {
  /** On the file system of the images. */
  readonly dir: string;
}

export async function openWorkFolder(buildingDir: string): Promise<WorkFolder> {
  await mkdir(buildingDir, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(buildingDir, `${nameOfOwner()}-`));
  return { dir, [Symbol.asyncDispose]: () => removeFolder(dir) };
}

/** Removes what builders left that died. Returns how many they were. */
export async function sweepWorkFolders(buildingDir: string): Promise<number> {
  const names = await readdir(buildingDir).catch(() => [] as string[]);
  const left = names.filter((name) => !ownerAlive(name));
  for (const name of left) await removeFolder(join(buildingDir, name));
  return left.length;
}

/** An ordinary user's build leaves files of the user ids in its namespace: only there they can be removed. */
async function removeFolder(dir: string): Promise<void> {
  try {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    await run("mmdebstrap", ["--unshare-helper", "rm", "-rf", "--", dir], { timeout: REMOVE_TIMEOUT_MS });
    await rm(dir, { recursive: true, force: true });
  }
}
