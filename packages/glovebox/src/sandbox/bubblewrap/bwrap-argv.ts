import { forwarderOptions } from "./forwarder-sockets.ts";
import { FDS, INSIDE } from "./inside.ts";

/** Where bwrap finds what it mounts: host paths, or paths in the supervisor's stage. */
export interface MountSources {
  readonly root: string;
  readonly workspace: string;
  /** What is mounted into the root beside it: source and place. Empty where the root has it already. */
  readonly parts: readonly (readonly [source: string, target: string])[];
}

export interface BwrapSpec {
  readonly bwrap: string;
  readonly sources: MountSources;
  /** Bytes of `/tmp` and of `/dev/shm`. */
  readonly tmpBytes: number;
  readonly shmBytes: number;
  /**
   * RLIMIT_NPROC of what the agent starts; not its own, so that it can always fork. It sets it itself, in the sandbox's
   * user namespace, in which alone it is then counted. Absent: none.
   */
  readonly nproc?: number;
  /** The supervisor has made a network namespace with the forwarder's sockets. Default: bwrap makes one without any. */
  readonly network?: boolean;
}

/** The command line of bwrap with the agent as the sandbox's first process. */
export function bwrapArgv(spec: BwrapSpec): string[] {
  const { sources } = spec;
  return [
    spec.bwrap,
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"],
    ...(spec.network ? [] : ["--unshare-net"]),
    ...["--disable-userns", "--uid", String(INSIDE.uid), "--gid", String(INSIDE.gid), "--hostname", INSIDE.hostname],
    // The parent is the supervisor, which outlives the server: a sandbox without one would be nobody's.
    ...["--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"],
    ...["--ro-bind", sources.root, "/"],
    ...sources.parts.flatMap(([source, target]) => ["--ro-bind", source, target]),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...["--perms", "1777", "--size", String(spec.tmpBytes), "--tmpfs", "/tmp"],
    ...["--perms", "1777", "--size", String(spec.shmBytes), "--tmpfs", "/dev/shm"],
    // The tmpfs that carries the device nodes would be a place to write without bound.
    ...["--remount-ro", "/dev"],
    ...["--bind", sources.workspace, INSIDE.workspace],
    ...["--chdir", INSIDE.workspace, "--seccomp", String(FDS.agentFilter), "--"],
    ...[INSIDE.agent, "--listen-fd", String(FDS.listen), "--seccomp-fd", String(FDS.userFilter)],
    ...["--workspace", INSIDE.workspace],
    ...(spec.nproc === undefined ? [] : ["--nproc", String(spec.nproc)]),
    ...(spec.network ? forwarderOptions() : []),
  ];
}
