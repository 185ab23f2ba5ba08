import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CgroupPlace } from "./host.ts";

const ROUNDS = 200;
const ROUND_MS = 5;

/**
 * Kills all processes of a cgroup until none is left, a second at most. v2 has one switch for it; in v1 they are frozen
 * first where the hierarchy can, so that a fork bomb does not outrun us.
 */
export async function killAll({ dir, version, controllers }: CgroupPlace): Promise<boolean> {
  if (version === 2) tryWrite(join(dir, "cgroup.kill"), "1");
  const freezes = version === 1 && controllers.includes("freezer");
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = processesOf(dir);
    if (pids.length === 0) return true;
    if (freezes) tryWrite(join(dir, "freezer.state"), "FROZEN");
    for (const pid of freezes ? processesOf(dir) : pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself; or it is not ours to kill, which the caller sees in the result.
      }
    }
    if (freezes) tryWrite(join(dir, "freezer.state"), "THAWED");
    await sleep(ROUND_MS);
  }
  return processesOf(dir).length === 0;
}

/** Never this process, and never 0, which stands for processes of another pid namespace. */
function processesOf(dir: string): number[] {
  try {
    return readFileSync(join(dir, "cgroup.procs"), "utf8")
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid);
  } catch {
    return [];
  }
}

function tryWrite(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch {
    // The loop that follows does it the long way.
  }
}
