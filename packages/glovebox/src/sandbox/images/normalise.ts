import type { FileTree } from "./file-tree.ts";

/**
 * What an installation leaves that is of its moment or its host: lists, caches, logs, addresses of package sources (which may hold passwords), the
 * machine's identity, devices.
 */
const VOLATILE: readonly string[] = [
  "dev",
  "proc",
  "sys",
  "run",
  "tmp",
  "var/tmp",
  "var/cache",
  "var/log",
  "var/lib/apt/lists",
  "var/lib/dpkg/lock",
  "var/lib/dpkg/lock-frontend",
  "var/lib/dpkg/triggers/Lock",
  "var/lib/systemd",
  "etc/apt/sources.list",
  "etc/apt/sources.list.d",
  "etc/apt/auth.conf",
  "etc/apt/apt.conf.d/99mmdebstrap",
  "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
  "etc/apt/auth.conf.d",
  "etc/machine-id",
  "etc/passwd-",
  "etc/group-",
  "etc/shadow-",
  "etc/gshadow-",
  "etc/.pwd.lock",
];

/** Folders of those that programs expect to find, empty. */
const KEPT_EMPTY: readonly string[] = ["var/cache", "var/log"];

/**
 * Takes out of an installation what would make two of the same packages differ. Times from its start on become that of its newest
 * package: files that come out of packages keep theirs, since compiled Python modules are compared by it.
 */
export function normalise(tree: FileTree, startedAt: number): void {
  for (const path of VOLATILE) tree.remove(path.split("/"));
  for (const path of KEPT_EMPTY) {
    tree.put(path.split("/"), { kind: "dir", mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  }
  tree.settleTimes(startedAt);
}
