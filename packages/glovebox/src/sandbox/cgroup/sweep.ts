import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CgroupHost } from "./host.ts";
import { SandboxCgroup } from "./sandbox-cgroup.ts";

/**
 * Kills and removes cgroups whose name begins with `prefix` (each run folder has its own, so that two servers on one
 * host leave each other alone) and that `keep` does not name. Returns the names.
 */
export async function sweepCgroups(host: CgroupHost, prefix: string, keep: ReadonlySet<string>): Promise<string[]> {
  const names = new Set<string>();
  for (const parent of host.parents) {
    for (const entry of await readdir(parent.dir, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && entry.name.startsWith(prefix) && !keep.has(entry.name)) names.add(entry.name);
    }
  }
  for (const name of names) {
    const places = host.parents.map((parent) => ({ ...parent, dir: join(parent.dir, name) }));
    await SandboxCgroup.adopt(places).remove();
  }
  return [...names].sort();
}
