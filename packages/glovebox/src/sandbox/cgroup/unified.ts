import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Controller, HierarchyPlace } from "./layout.ts";

/** What could be made of a v2 hierarchy. */
export interface UnifiedParent {
  /** The folder in which sandboxes get theirs. */
  readonly parent: string;
  /** Where a process goes back to when it leaves. */
  readonly origin: string;
  readonly controllers: readonly Controller[];
  readonly missing: Readonly<Partial<Record<Controller, string>>>;
}

const WANTED: readonly Controller[] = ["memory", "pids", "cpu"];
const LEAF = "glovebox-server";
const HINT = "start the server with `systemd-run --user --scope -p Delegate=yes`, or as a unit with Delegate=yes";

/**
 * Prepares `<own cgroup>/glovebox` with the controllers that can be had, or, for root, the same at the top of the
 * hierarchy. v2 lets a cgroup hold processes or controlled children, not both: where the own cgroup holds nothing but
 * this process (or is a container's root), the processes move into a leaf `glovebox-server`. Throws with a reason.
 */
export function prepareUnified(place: HierarchyPlace): UnifiedParent {
  const errors: string[] = [];
  for (const base of candidates(place)) {
    try {
      return prepareAt(base);
    } catch (error) {
      errors.push(`${base}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`no cgroup v2 folder is ours to divide (${errors.join("; ")}); ${HINT}`);
}

function candidates(place: HierarchyPlace): string[] {
  const isRoot = process.getuid?.() === 0;
  // Moved there by an earlier call, or by systemd (`DelegateSubgroup=glovebox-server`): the folder above is ours.
  const own = basename(place.ownDir) === LEAF ? dirname(place.ownDir) : place.ownDir;
  return isRoot && own !== place.mountPoint ? [own, place.mountPoint] : [own];
}

function prepareAt(base: string): UnifiedParent {
  const parent = join(base, "glovebox");
  const offered = words(join(base, "cgroup.controllers"));
  const wanted = WANTED.filter((controller) => offered.includes(controller));
  mkdirSync(parent, { recursive: true });
  const origin = isTrueRoot(base) || wanted.length === 0 ? base : moveIntoLeaf(base);
  enable(base, wanted);
  enable(parent, wanted);
  const got = words(join(parent, "cgroup.subtree_control"));
  const missing: Partial<Record<Controller, string>> = {};
  for (const controller of WANTED) {
    if (!got.includes(controller)) missing[controller] = `the ${controller} controller is not offered in ${base}`;
  }
  return {
    parent,
    origin,
    controllers: [...WANTED.filter((controller) => got.includes(controller)), "freezer"],
    missing,
  };
}

function enable(dir: string, controllers: readonly Controller[]): void {
  const file = join(dir, "cgroup.subtree_control");
  const enabled = words(file);
  for (const controller of controllers) if (!enabled.includes(controller)) writeFileSync(file, `+${controller}`);
}

function moveIntoLeaf(base: string): string {
  const pids = readPids(base);
  const foreign = pids.filter((pid) => pid !== process.pid && parentOf(pid) !== process.pid);
  const namespaceRoot = readFileSync("/proc/self/cgroup", "utf8").split("\n").includes("0::/");
  if (foreign.length > 0 && !namespaceRoot) throw new Error("other processes share this cgroup");
  const leaf = join(base, LEAF);
  mkdirSync(leaf, { recursive: true });
  for (const pid of pids) {
    try {
      writeFileSync(join(leaf, "cgroup.procs"), String(pid));
    } catch (error) {
      // A process that ended meanwhile needs no moving.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return leaf;
}

/** Only the root of the whole hierarchy has no `cgroup.type`; it may hold processes beside controlled children. */
function isTrueRoot(dir: string): boolean {
  try {
    readFileSync(join(dir, "cgroup.type"));
    return false;
  } catch {
    return true;
  }
}

function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return process.pid;
  }
}

function readPids(dir: string): number[] {
  return words(join(dir, "cgroup.procs")).map(Number);
}

function words(path: string): string[] {
  return readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
}
