import { INSIDE } from "../bubblewrap/inside.ts";
import { ENTRY, GUEST_FDS, STAGE } from "./places.ts";

export interface BundleSpec {
  /** The root in the stage. */
  readonly root: string;
  /** Bytes of `/tmp` and of `/dev/shm`. */
  readonly tmpBytes: number;
  readonly shmBytes: number;
  /** RLIMIT_NPROC of what the agent starts. */
  readonly nproc: number;
  /** What the entry makes before it becomes the agent, and the agent's options for it. Absent: no network. */
  readonly network?: { readonly entry: readonly string[]; readonly agent: readonly string[] };
}

/** Rights of the entry, which it gives up before the agent starts: to address the loopback, listen below 1024, and become the user. */
const ENTRY_RIGHTS = ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"];

/** The `config.json` of an OCI bundle (runtime-spec 1.0) with the agent as first process. */
export function bundleConfig(spec: BundleSpec): string {
  const { network } = spec;
  const agent = [
    ...[INSIDE.agent, "--listen-fd", String(GUEST_FDS.connections), "--seccomp-fd", String(GUEST_FDS.filter)],
    ...["--workspace", INSIDE.workspace, "--nproc", String(spec.nproc)],
  ];
  const rights = network ? ENTRY_RIGHTS : [];
  const sized = (destination: string, bytes: number) => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", "mode=1777", `size=${bytes}`],
  });
  return JSON.stringify({
    ociVersion: "1.0.0",
    process: {
      user: network ? { uid: 0, gid: 0 } : { uid: INSIDE.uid, gid: INSIDE.gid },
      args: network ? [ENTRY, ...network.entry, "--", ...agent, ...network.agent] : agent,
      env: [],
      cwd: INSIDE.workspace,
      capabilities: { bounding: rights, effective: rights, permitted: rights, inheritable: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: spec.root, readonly: true },
    hostname: INSIDE.hostname,
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      sized("/tmp", spec.tmpBytes),
      sized("/dev/shm", spec.shmBytes),
      {
        destination: INSIDE.workspace,
        type: "bind",
        source: STAGE.workspace,
        options: ["bind", "rw", "nosuid", "nodev"],
      },
    ],
    linux: { namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })) },
  });
}
