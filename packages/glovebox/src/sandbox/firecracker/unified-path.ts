import { readFileSync } from "node:fs";
import { relative } from "node:path";
import type { CgroupPlace } from "../cgroup/index.ts";
import { parseMountinfo } from "../cgroup/mountinfo.ts";

/**
 * A sandbox's cgroup of version 2, relative to where that hierarchy is mounted: so the jailer names cgroups. Nothing where the sandbox has none there; the jailer
 * asks for the first such mount, as we do.
 */
export function unifiedPath(
  places: readonly CgroupPlace[],
  mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8"),
): string | undefined {
  const place = places.find(({ version }) => version === 2);
  const mount = parseMountinfo(mountinfo).find(({ fsType }) => fsType === "cgroup2");
  if (!place || !mount) return undefined;
  const path = relative(mount.mountPoint, place.dir);
  return path === "" || path.startsWith("..") ? undefined : path;
}
