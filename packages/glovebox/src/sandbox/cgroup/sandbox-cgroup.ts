import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CgroupHost, CgroupPlace } from "./host.ts";
import { killAll } from "./kill.ts";
import type { Controller } from "./layout.ts";
import { removeDir } from "./remove.ts";

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly pids: number;
  /** CPUs, fractions allowed. */
  readonly cpus: number;
}

/** How a limit was set, or why not. */
export type CgroupOutcome =
  | { readonly set: true; readonly mechanism: "cgroup-v1" | "cgroup-v2"; readonly reason?: string }
  | { readonly set: false; readonly reason: string };

const CPU_PERIOD_US = 100_000;
/** The kernel refuses a smaller quota. */
const MIN_QUOTA_US = 1_000;
/** What an exiting process may take to leave its cgroup. */
const GRACE_MS = 20;

/** The cgroups of one sandbox: a folder of one name in every hierarchy that has a controller we use. */
export class SandboxCgroup {
  /** Each folder. They are what a later server must know: it may itself be in another cgroup than this one. */
  readonly places: readonly CgroupPlace[];
  readonly #missing: CgroupHost["missing"];

  private constructor(places: readonly CgroupPlace[], missing: CgroupHost["missing"]) {
    this.places = places;
    this.#missing = missing;
  }

  /** Makes the folders. The owner calls {@link remove}. */
  static create(host: CgroupHost, name: string): SandboxCgroup {
    const places = host.parents.map((parent) => ({ ...parent, dir: join(parent.dir, name) }));
    for (const { dir } of places) mkdirSync(dir, { recursive: true });
    return new SandboxCgroup(places, host.missing);
  }

  /** Takes over folders that an earlier server made. */
  static adopt(places: readonly CgroupPlace[]): SandboxCgroup {
    return new SandboxCgroup(places, {});
  }

  /** Writes the limits; a few microseconds each. Says of each whether the kernel took it. */
  setLimits(limits: CgroupLimits): Record<"memory" | "pids" | "cpu", CgroupOutcome> {
    return {
      memory: this.#set("memory", (dir, version) => setMemory(dir, version, limits.memoryBytes)),
      pids: this.#set("pids", (dir) => setPids(dir, limits.pids)),
      cpu: this.#set("cpu", (dir, version) => setCpu(dir, version, limits.cpus)),
    };
  }

  /** How often the kernel killed for want of memory here. */
  oomKills(): number {
    const place = this.#place("memory");
    if (!place) return 0;
    const file = place.version === 2 ? "memory.events" : "memory.oom_control";
    return readKeyed(join(place.dir, file), "oom_kill") ?? 0;
  }

  /** What its processes and memory-backed files hold now, less page cache that nothing works with. */
  memoryBytes(): number | undefined {
    const place = this.#place("memory");
    return place && memoryUse(place.dir, place.version);
  }

  /** Stops or continues every process. False when there is no freezer here. */
  freeze(frozen: boolean): boolean {
    const place = this.#place("freezer");
    if (!place) return false;
    const dir = place.dir;
    if (place.version === 2) writeFileSync(join(dir, "cgroup.freeze"), frozen ? "1" : "0");
    else writeFileSync(join(dir, "freezer.state"), frozen ? "FROZEN" : "THAWED");
    return true;
  }

  /** Whether every process stands still by now: freezing takes the kernel a moment. */
  isFrozen(): boolean {
    const place = this.#place("freezer");
    if (!place) return false;
    if (place.version === 2) return readKeyed(join(place.dir, "cgroup.events"), "frozen") === 1;
    return readText(join(place.dir, "freezer.state")).trim() === "FROZEN";
  }

  /** Kills every process, until none is left. */
  async kill(): Promise<void> {
    for (const place of this.places) await killAll(place);
  }

  /** Removes the folders; what still runs in them is killed first. Idempotent. False when one could not be removed. */
  async remove(): Promise<boolean> {
    const removals = this.places.map(async (place) => {
      // Mostly only the last process's exit has to finish; killing is for when something really runs on.
      if (await removeDir(place.dir, GRACE_MS)) return true;
      await killAll(place);
      return removeDir(place.dir);
    });
    return (await Promise.all(removals)).every(Boolean);
  }

  #place(controller: Controller): CgroupPlace | undefined {
    return this.places.find((place) => place.controllers.includes(controller));
  }

  #set(
    controller: "memory" | "pids" | "cpu",
    write: (dir: string, version: 1 | 2) => string | undefined,
  ): CgroupOutcome {
    const place = this.#place(controller);
    if (!place) return { set: false, reason: this.#missing[controller] ?? "no such controller" };
    try {
      const reason = write(place.dir, place.version);
      const mechanism = `cgroup-v${place.version}` as const;
      return typeof reason === "string" ? { set: true, mechanism, reason } : { set: true, mechanism };
    } catch (error) {
      return { set: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

function setMemory(dir: string, version: 1 | 2, bytes: number): string | undefined {
  const [limit, swap, swapValue] =
    version === 2
      ? ["memory.max", "memory.swap.max", 0]
      : ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes];
  writeFileSync(join(dir, limit), String(bytes));
  try {
    writeFileSync(join(dir, swap), String(swapValue));
    return undefined;
  } catch {
    return "swap is not counted here: the kernel has no swap accounting";
  }
}

function setPids(dir: string, pids: number): undefined {
  writeFileSync(join(dir, "pids.max"), String(pids));
}

function setCpu(dir: string, version: 1 | 2, cpus: number): undefined {
  const quotaUs = Math.max(MIN_QUOTA_US, Math.round(cpus * CPU_PERIOD_US));
  if (version === 2) {
    writeFileSync(join(dir, "cpu.max"), `${quotaUs} ${CPU_PERIOD_US}`);
    return;
  }
  writeFileSync(join(dir, "cpu.cfs_period_us"), String(CPU_PERIOD_US));
  writeFileSync(join(dir, "cpu.cfs_quota_us"), String(quotaUs));
}

function memoryUse(dir: string, version: 1 | 2): number | undefined {
  const used = readNumber(join(dir, version === 2 ? "memory.current" : "memory.usage_in_bytes"));
  const inactive = readKeyed(join(dir, "memory.stat"), version === 2 ? "inactive_file" : "total_inactive_file");
  return used === undefined ? undefined : Math.max(0, used - (inactive ?? 0));
}

function readNumber(path: string): number | undefined {
  const value = Number.parseInt(readText(path), 10);
  return Number.isFinite(value) ? value : undefined;
}

function readKeyed(path: string, key: string): number | undefined {
  const line = readText(path)
    .split("\n")
    .find((candidate) => candidate.startsWith(`${key} `));
  const value = line === undefined ? Number.NaN : Number(line.slice(key.length + 1));
  return Number.isFinite(value) ? value : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
