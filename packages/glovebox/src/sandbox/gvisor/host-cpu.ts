import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxCgroup } from "../cgroup/index.ts";

/** The kernel's clock ticks as it shows them: 100 a second on every Linux. */
const TICK_MS = 10;

/**
 * CPU time that the host's processes in a cgroup have used, milliseconds, with that of their children which ended. `undefined`
 * where there is no cgroup to list them.
 */
export async function hostCpuMs(cgroup: SandboxCgroup): Promise<number | undefined> {
  const dir = cgroup.places[0]?.dir;
  if (dir === undefined) return undefined;
  const pids = await readFile(join(dir, "cgroup.procs"), "utf8").catch(() => undefined);
  if (pids === undefined) return undefined;
  const ticks = await Promise.all(pids.split("\n").filter(Boolean).map(ticksOf));
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_MS;
}

/** Fields 14 to 17 of proc(5)'s `stat`: user and system time, its own and that of children that it waited for. */
async function ticksOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, field) => sum + (Number(field) || 0), 0);
}
