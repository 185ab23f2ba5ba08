import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { CONTROLLERS, type Controller, type HierarchyPlace, resolveLayout } from "./layout.ts";
import { parseMembership } from "./membership.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { prepareUnified } from "./unified.ts";

/** A folder of one hierarchy: `…/glovebox`, in which each sandbox gets one, or a sandbox's own. */
export interface CgroupPlace {
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
  readonly dir: string;
  /** The cgroup that a process goes back to when it leaves a sandbox's. */
  readonly origin: string;
}

/** What this host lets us do with cgroups. */
export interface CgroupHost {
  readonly parents: readonly CgroupPlace[];
  /** Why a controller is not to be had, for each that is not. */
  readonly missing: Readonly<Partial<Record<Controller, string>>>;
}

/** Finds, and proves by making a folder, where sandboxes can have cgroups. Changes nothing else. Never throws. */
export function detectCgroups(
  mountinfo: string = readProc("/proc/self/mountinfo"),
  membership: string = readProc("/proc/self/cgroup"),
): CgroupHost {
  const parents: CgroupPlace[] = [];
  const missing: Partial<Record<Controller, string>> = {};
  const places = resolveLayout(parseMountinfo(mountinfo), parseMembership(membership));
  // v1 first: in a hybrid a controller is in v1 or in v2, and v2's freezer is only needed when v1 has none.
  for (const place of places.toSorted((a, b) => a.version - b.version)) {
    const wanted = place.version === 1 ? place.controllers : CONTROLLERS;
    try {
      const parent = place.version === 1 ? prepareV1(place) : unifiedParent(place, parents, missing);
      if (parent) parents.push(parent);
    } catch (error) {
      const reason = explain(error, place.ownDir);
      for (const controller of wanted) missing[controller] ??= reason;
    }
  }
  for (const controller of CONTROLLERS) {
    if (parents.some((parent) => parent.controllers.includes(controller))) delete missing[controller];
    else missing[controller] ??= "no cgroup hierarchy with this controller is mounted";
  }
  return { parents, missing };
}

function explain(error: unknown, dir: string): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return `no right to make cgroups in ${dir}`;
  if (code === "EROFS") return `${dir} is read-only`;
  return error instanceof Error ? error.message : String(error);
}

function prepareV1(place: HierarchyPlace): CgroupPlace {
  const own = { ...place };
  if (place.readOnly) throw new Error(`${place.mountPoint} is mounted read-only`);
  // A path that is named but not there is that of another view of the hierarchy: the mount's root is ours then.
  const bases = own.ownDir === own.mountPoint ? [own.ownDir] : [own.ownDir, own.mountPoint];
  let failure: unknown;
  for (const base of bases) {
    const dir = join(base, "glovebox");
    try {
      mkdirSync(dir, { recursive: false });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") {
        failure ??= error;
        if (code === "ENOENT") continue;
        break;
      }
    }
    try {
      proveWritable(dir);
      return { version: 1, controllers: place.controllers, dir, origin: base };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure instanceof Error ? failure : new Error(`no folder can be made in ${place.ownDir}`);
}

function unifiedParent(
  place: HierarchyPlace,
  earlier: readonly CgroupPlace[],
  missing: Partial<Record<Controller, string>>,
): CgroupPlace | undefined {
  const inV1 = new Set(earlier.flatMap((parent) => parent.controllers));
  if (CONTROLLERS.every((controller) => inV1.has(controller))) return undefined;
  if (place.readOnly) throw new Error(`${place.mountPoint} is mounted read-only`);
  const made = prepareUnified(place);
  proveWritable(made.parent);
  Object.assign(missing, made.missing);
  const controllers = made.controllers.filter((controller) => !inV1.has(controller));
  return { version: 2, controllers, dir: made.parent, origin: made.origin };
}

/** Of another user's `glovebox` folder, or one without delegation, no child can be made. */
function proveWritable(dir: string): void {
  const trial = join(dir, `trial-${process.pid}`);
  mkdirSync(trial);
  rmdirSync(trial);
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * Removes the `glovebox` folders that hold no sandbox any more; another server makes them again when it needs them. Those
 * of v2 stay: which controllers they give to their children is set when a server starts.
 */
export function leaveHost(host: CgroupHost): void {
  for (const { version, dir } of host.parents) {
    if (version !== 1) continue;
    try {
      rmdirSync(dir);
    } catch {
      // It holds a sandbox's.
    }
  }
}
