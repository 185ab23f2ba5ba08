import { FDS, VM_PATHS } from "./machine.ts";

/** A file or folder of the host's and where QEMU sees it. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
  readonly device?: boolean;
}

export interface LaunchSpec {
  readonly bwrap: string;
  /** Links of the root into `/usr`: name and target. */
  readonly links: readonly (readonly [name: string, target: string])[];
  readonly mounts: readonly Mount[];
  readonly qemu: readonly string[];
  /** Whether `native/fork` is loaded into QEMU. */
  readonly library: boolean;
  readonly hasState: boolean;
}

/**
 * The command line of bwrap around QEMU: namespaces of its own, without a network, and nothing of the host but `/usr` and what it is
 * given. A shell opens the state for it, which QEMU takes as a descriptor only.
 */
export function launchArgv(spec: LaunchSpec): string[] {
  const loaded = spec.library ? `export LD_PRELOAD=${VM_PATHS.library}; ` : "";
  const started = `${loaded}exec "$@"${spec.hasState ? ` ${FDS.state}<${VM_PATHS.state}` : ""}`;
  return [
    spec.bwrap,
    ...["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"],
    ...["--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "microvm"],
    ...["--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"],
    ...["--ro-bind", "/usr", "/usr"],
    ...spec.links.flatMap(([name, target]) => ["--symlink", target, name]),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...spec.mounts.flatMap(({ source, target, writable, device }) => [
      device ? "--dev-bind" : writable ? "--bind" : "--ro-bind",
      source,
      target,
    ]),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"],
    ...["/bin/sh", "-c", started, "sh", ...spec.qemu],
  ];
}
