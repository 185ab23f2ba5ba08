import { execFile } from "node:child_process";
import { lstat, rm } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
/** What hostile code can bring about: paths longer than the kernel takes at once, folders closed even to their owner. */
const STUBBORN = new Set(["ENAMETOOLONG", "EACCES", "EPERM", "ENOTEMPTY"]);

/**
 * Removes a folder that sandboxed code has had its way with; it is in no sandbox any more. Links are not followed. What
 * Node cannot remove by whole paths, `rm` does, which goes from folder to folder.
 */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (!STUBBORN.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    // `chmod` would follow this one path, were it a link.
    // What Node was at when it failed it may still remove, under the hands of `chmod`: only whether `rm` manages counts.
    const isFolder = await lstat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isFolder) await run("chmod", ["-R", "u+rwX", "--", folder]).catch(() => {});
    await run("rm", ["-rf", "--", folder]);
  }
}
