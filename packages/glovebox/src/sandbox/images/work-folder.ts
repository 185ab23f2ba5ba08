import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nameOfOwner, ownerAlive } from "./owner.ts";

const run = promisify(execFile);
const REMOVE_TIMEOUT_MS = 120_000;
const PREFIX = "glovebox-image-";

/** Where one image is made; gone when disposed of. */
export interface WorkFolder extends AsyncDisposable {
  /** On the file system of the images. */
  readonly dir: string;
  /**
   * For a root that is being installed. An ordinary user's installer works under user ids of its own, which cannot get into the user's folders: then
   * this is among the host's temporary ones.
   */
  readonly rootDir: string;
}

export async function openWorkFolder(buildingDir: string): Promise<WorkFolder> {
  await mkdir(buildingDir, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(buildingDir, `${nameOfOwner()}-`));
  const rootDir = isRoot() ? join(dir, "root") : await mkdtemp(join(tmpdir(), `${PREFIX}${nameOfOwner()}-`));
  const close = async () => {
    await removeFolder(rootDir);
    await removeFolder(dir);
  };
  try {
    if (isRoot()) await mkdir(rootDir, { mode: 0o700 });
    else await chmod(rootDir, 0o711);
    return { dir, rootDir, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Removes what builders left that died. Returns how many folders that were. */
export async function sweepWorkFolders(buildingDir: string): Promise<number> {
  const names = await readdir(buildingDir).catch(() => [] as string[]);
  const folders = names.filter((name) => !ownerAlive(name)).map((name) => join(buildingDir, name));
  if (!isRoot()) folders.push(...(await leftAmongTemporary()));
  const removed = await Promise.allSettled(folders.map(removeFolder));
  return removed.filter(({ status }) => status === "fulfilled").length;
}

/** Only this user's: anybody may put folders of that name there. */
async function leftAmongTemporary(): Promise<string[]> {
  const left: string[] = [];
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX) || ownerAlive(name.slice(PREFIX.length))) continue;
    const found = await lstat(join(tmpdir(), name)).catch(() => undefined);
    if (found?.isDirectory() && found.uid === process.getuid?.()) left.push(join(tmpdir(), name));
  }
  return left;
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** What an installer left under user ids of its own can be removed only as those. */
async function removeFolder(dir: string): Promise<void> {
  try {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    await run("mmdebstrap", ["--unshare-helper", "rm", "-rf", "--", dir], { timeout: REMOVE_TIMEOUT_MS }).catch(
      () => {},
    );
    await rm(dir, { recursive: true, force: true });
  }
}
