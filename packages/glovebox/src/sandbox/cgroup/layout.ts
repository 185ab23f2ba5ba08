import type { Membership } from "./membership.ts";
import type { MountEntry } from "./mountinfo.ts";

/** The controllers that sandboxes use. `freezer` stands for freezing, which v2 has in its core. */
export type Controller = "memory" | "pids" | "cpu" | "freezer";
export const CONTROLLERS: readonly Controller[] = ["memory", "pids", "cpu", "freezer"];

/** Where this process stands in one hierarchy. */
export interface HierarchyPlace {
  readonly version: 1 | 2;
  /** v1: which of {@link CONTROLLERS} the hierarchy carries. v2: empty, they are read from the folder. */
  readonly controllers: readonly Controller[];
  readonly mountPoint: string;
  /** Folder of the process's own cgroup. */
  readonly ownDir: string;
  /** False when the own path does not lie under what is mounted, so that `ownDir` is the mount's root instead. */
  readonly visible: boolean;
  readonly readOnly: boolean;
}

/**
 * Joins the two tables of the kernel: for every mounted cgroup hierarchy, the folder of this process. In a container the
 * mount often shows a part of the hierarchy only (`root`), or the path is one of another cgroup namespace (`/../…`).
 */
export function resolveLayout(mounts: readonly MountEntry[], memberships: readonly Membership[]): HierarchyPlace[] {
  const places: HierarchyPlace[] = [];
  for (const membership of memberships) {
    const mount = mounts.find((candidate) => carries(candidate, membership));
    if (!mount) continue;
    const controllers = CONTROLLERS.filter((controller) => membership.controllers.includes(controller));
    if (membership.version === 1 && controllers.length === 0) continue;
    const relative = relativeTo(mount.root, membership.path);
    places.push({
      version: membership.version,
      controllers,
      mountPoint: mount.mountPoint,
      ownDir: relative === undefined ? mount.mountPoint : trimSlash(mount.mountPoint + relative),
      visible: relative !== undefined,
      readOnly: mount.options.includes("ro") || mount.superOptions.includes("ro"),
    });
  }
  return places;
}

function carries(mount: MountEntry, membership: Membership): boolean {
  if (membership.version === 2) return mount.fsType === "cgroup2";
  return mount.fsType === "cgroup" && membership.controllers.every((name) => mount.superOptions.includes(name));
}

/** `path` as seen from `root`, with a leading slash; `undefined` when it lies elsewhere. */
function relativeTo(root: string, path: string): string | undefined {
  if (path.split("/").includes("..")) return undefined;
  if (root === "/") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
