import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** When memory counts as short. */
export interface MemoryThresholds {
  /** Percent of the machine's memory, and of each memory limit that the server itself is under, that must be free. */
  readonly minFreePercent: number;
  /** Percent of the last 10 seconds in which something waited for memory (`some avg10` of `/proc/pressure/memory`). */
  readonly maxPressurePercent: number;
}

/** The most that a path of cgroups is followed up. */
const MAX_DEPTH = 32;

/**
 * Whether memory is short, in words: on this machine, in a cgroup that the server is in, or because programs wait for it. `undefined`: it is not, or nothing
 * tells. `root`: where `/proc` and `/sys` are.
 */
export function memoryShortage(thresholds: MemoryThresholds, root = "/"): string | undefined {
  const { minFreePercent, maxPressurePercent } = thresholds;
  const machine = machineFree(read(root, "proc/meminfo"));
  if (machine !== undefined && machine < minFreePercent) {
    return `${machine.toFixed(1)} % of the machine's memory is free`;
  }
  const allowed = cgroupFree(root);
  if (allowed !== undefined && allowed < minFreePercent) {
    return `${allowed.toFixed(1)} % of the server's memory limit is free`;
  }
  const pressure = /^some avg10=(\d+(?:\.\d+)?)/m.exec(read(root, "proc/pressure/memory") ?? "")?.[1];
  if (pressure !== undefined && Number(pressure) > maxPressurePercent) {
    return `programs waited for memory in ${pressure} % of the last 10 seconds`;
  }
  return undefined;
}

function machineFree(meminfo: string | undefined): number | undefined {
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo ?? "")?.[1]);
  const share = (100 * kb("MemAvailable")) / kb("MemTotal");
  return Number.isFinite(share) ? share : undefined;
}

/** The smallest share free of all limits between the server's own cgroup and the root, version 1 or 2. */
function cgroupFree(root: string): number | undefined {
  let least: number | undefined;
  for (const { dir, files } of ownCgroups(read(root, "proc/self/cgroup") ?? "")) {
    let at = dir;
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
      const free = limitFree(root, at, files);
      if (free !== undefined) least = Math.min(least ?? 100, free);
      if (at === files.mount) break;
      at = dirname(at);
    }
  }
  return least;
}

interface LimitFiles {
  readonly mount: string;
  readonly limit: string;
  readonly used: string;
  /** In `memory.stat`: what the kernel gives back when it must. */
  readonly cache: string;
}

const VERSION_1: LimitFiles = {
  mount: "sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  cache: "total_inactive_file",
};
const VERSION_2: LimitFiles = {
  mount: "sys/fs/cgroup",
  limit: "memory.max",
  used: "memory.current",
  cache: "inactive_file",
};

function ownCgroups(text: string): { readonly dir: string; readonly files: LimitFiles }[] {
  return text.split("\n").flatMap((line) => {
    const [, hierarchy, controllers = "", path = "/"] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (hierarchy === undefined || path.split("/").includes("..")) return [];
    const files = hierarchy === "0" ? VERSION_2 : controllers.split(",").includes("memory") ? VERSION_1 : undefined;
    return files === undefined ? [] : [{ dir: join(files.mount, path).replace(/\/$/, ""), files }];
  });
}

function limitFree(root: string, dir: string, files: LimitFiles): number | undefined {
  const limit = Number(read(root, join(dir, files.limit)) ?? Number.NaN);
  const used = Number(read(root, join(dir, files.used)) ?? Number.NaN);
  // `max`, or version 1's nearly 2^63, is no limit.
  if (!Number.isFinite(limit) || !Number.isFinite(used) || limit <= 0 || limit > 2 ** 60) return undefined;
  const stat = read(root, join(dir, "memory.stat")) ?? "";
  const cache = Number(new RegExp(`^${files.cache} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return (100 * (limit - used + Math.min(cache, used))) / limit;
}

function read(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8").trim();
  } catch {
    return undefined;
  }
}
