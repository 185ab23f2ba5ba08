import { INSIDE } from "../bubblewrap/inside.ts";
import { ENTRY, GATE_NAME, GATED_NAME, GUEST_FDS, NAMES, STAGE } from "./places.ts";

export interface BundleSpec {
  /** The root in the stage. */
  readonly root: string;
  readonly hostname: string;
  /** Bytes of `/tmp` and of `/dev/shm`. */
  readonly tmpBytes: number;
  readonly shmBytes: number;
  /** RLIMIT_NPROC of what the agent starts. */
  readonly nproc: number;
  /** What the entry makes before it becomes the agent, and the agent's options for it. Absent: no network. */
  readonly network?: { readonly entry: readonly string[]; readonly agent: readonly string[] };
  /** `native/gvisor-host.c` in the stage: runsc waits at the gate before it opens a checkpoint. */
  readonly gate?: string;
}

/** Rights in the sandbox's own kernel, none of them on the host: see `native/gvisor-entry.c` for who keeps which. */
const RIGHTS = [
  "KILL",
  "SETUID",
  "SETGID",
  "SETPCAP",
  "SYS_PTRACE",
  "DAC_READ_SEARCH",
  "NET_ADMIN",
  "NET_BIND_SERVICE",
  "SYS_ADMIN",
];

/** Bytes of {@link NAMES}: two short files. */
const NAMES_BYTES = 65_536;

/** The `config.json` of an OCI bundle (runtime-spec 1.0) with the agent as first process. */
export function bundleConfig(spec: BundleSpec): string {
  const { network } = spec;
  const agent = [
    ...[INSIDE.agent, "--listen-fd", String(GUEST_FDS.connections), "--seccomp-fd", String(GUEST_FDS.filter)],
    ...["--workspace", INSIDE.workspace, "--nproc", String(spec.nproc)],
    ...["--user", String(INSIDE.uid), "--renew-dir", NAMES],
  ];
  const rights = RIGHTS.map((right) => `CAP_${right}`);
  const sized = (destination: string, bytes: number, mode = "1777") => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", `mode=${mode}`, `size=${bytes}`],
  });
  return JSON.stringify({
    ociVersion: "1.0.0",
    process: {
      user: { uid: 0, gid: 0 },
      args: [ENTRY, NAMES, ...(network?.entry ?? []), "--", ...agent, ...(network?.agent ?? [])],
      env: [],
      cwd: INSIDE.workspace,
      capabilities: { bounding: rights, effective: rights, permitted: rights, inheritable: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: spec.root, readonly: true },
    hostname: spec.hostname,
    ...(spec.gate === undefined ? {} : { hooks: { prestart: [gateHook(spec.gate)] } }),
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      sized("/tmp", spec.tmpBytes),
      sized("/dev/shm", spec.shmBytes),
      sized(NAMES, NAMES_BYTES, "755"),
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

/** runsc runs it on the host's side, in its own namespaces, when it has started itself; a failure ends runsc. Nothing inside can reach it. */
function gateHook(starter: string) {
  return { path: starter, args: [starter, "--gate", `${STAGE.bundle}/${GATED_NAME}/${GATE_NAME}`] };
}
