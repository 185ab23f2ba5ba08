import { inJail, JAIL_FILES } from "./jail-paths.ts";

/** Descriptors that Firecracker may have open: disks, sockets, events. */
const MOST_FILES = 512;

export interface JailerSpec {
  readonly jailer: string;
  readonly firecracker: string;
  /** The sandbox's: letters, digits and hyphens, 64 at most. */
  readonly id: string;
  /** The session's own, on the host. */
  readonly uid: number;
  readonly base: string;
  /** The sandbox's cgroup relative to the root of the one hierarchy of version 2; absent where there is none. */
  readonly unifiedCgroup?: string;
  /** Path of a network namespace. */
  readonly netns: string;
  /** What the longest file may have that Firecracker writes, bytes. */
  readonly mostFileBytes: number;
}

/**
 * The jailer's command line. The supervisor has joined the sandbox's cgroups already, so the jailer is given no limits to set (`--cgroup`). With version 2 it still moves
 * itself to a cgroup if there is one with the program's name, or the one named: so the one is named in which it is. With version 1 and no limits it moves nowhere.
 */
export function jailerArgv(spec: JailerSpec): string[] {
  const { uid, unifiedCgroup } = spec;
  return [
    spec.jailer,
    ...["--id", spec.id, "--exec-file", spec.firecracker, "--uid", String(uid), "--gid", String(uid)],
    ...["--chroot-base-dir", spec.base, "--netns", spec.netns, "--new-pid-ns"],
    ...(unifiedCgroup === undefined
      ? ["--cgroup-version", "1"]
      : ["--cgroup-version", "2", "--parent-cgroup", unifiedCgroup]),
    ...["--resource-limit", `fsize=${spec.mostFileBytes}`, "--resource-limit", `no-file=${MOST_FILES}`],
    ...["--", "--api-sock", inJail(JAIL_FILES.api)],
  ];
}
