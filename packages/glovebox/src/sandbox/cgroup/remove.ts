import { rmdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const MAX_PAUSE_MS = 20;

/**
 * Removes one cgroup folder. The kernel keeps a group busy for a moment after its last process ended, so this tries
 * again for `patienceMs` (default 2,000). True when the folder is gone.
 */
export async function removeDir(dir: string, patienceMs = 2_000): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      await rmdir(dir);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return true;
      if (performance.now() >= deadline) return false;
    }
    await sleep(pauseMs);
  }
}
