import { encodeFields } from "./fields.ts";

/** What a waiting supervisor is told to start. */
export interface GoMessage {
  /** The session's own uid and gid on the host. Absent: stay what the server is. */
  readonly uid?: number;
  readonly gid?: number;
  /** CPUs to be bound to. Absent: leave it. */
  readonly cpus?: readonly number[];
  /** Whether it goes on when the server dies. */
  readonly outlive: boolean;
  /** Mounts made in the stage just before: host path and path in the stage. */
  readonly binds: readonly (readonly [source: string, target: string])[];
  /** Descriptors that the process inherits. */
  readonly fds: readonly number[];
  /** The first is an absolute path. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * With any, a network namespace of its own is made in which every address is delivered locally, and these sockets in it. They are
   * inherited where `fds` names them. One of a family that the kernel lacks is left out.
   */
  readonly sockets?: readonly GoSocket[];
  /** A descriptor for it (to be named in `fds`, too) that closes when the server lets go of the supervisor, or is gone: for what goes on for others. */
  readonly keeper?: number;
  /** Not to be started but copied from a QEMU that runs already: `argv` is empty then. */
  readonly copy?: GoCopy;
}

/** A QEMU that forks when it is asked to: see `native/fork`. */
export interface GoCopy {
  /** The run folder with its socket. */
  readonly folder: string;
  /** The disk that its copy gets a copy of, in its own run folder. */
  readonly disk: string;
}

/** A socket to be made in the new network namespace: listening when `tcp`. */
export interface GoSocket {
  readonly fd: number;
  readonly type: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
}

const MAX_BYTES = 1 << 20;

/** Encodes `go` as `native/supervisor` reads it. Errors: `invalid_argument` for a NUL, or more than 1 MiB. */
export function encodeGo(go: GoMessage): Buffer {
  const env = Object.entries(go.env).map(([name, value]) => `${name}=${value}`);
  const { sockets = [], copy } = go;
  const fields = [
    String(go.uid ?? -1),
    String(go.gid ?? -1),
    (go.cpus ?? []).join(","),
    go.outlive ? "1" : "0",
    ...counted(go.binds.length, go.binds.flat()),
    ...counted(go.fds.length, go.fds.map(String)),
    ...counted(go.argv.length, go.argv),
    ...counted(env.length, env),
    ...counted(
      sockets.length,
      sockets.flatMap(({ fd, type, address, port }) => [`${fd}`, type, address, `${port}`]),
    ),
    String(go.keeper ?? -1),
    ...(copy ? ["1", copy.folder, copy.disk] : ["0"]),
  ];
  return encodeFields(fields, MAX_BYTES);
}

function counted(count: number, values: readonly string[]): string[] {
  return [String(count), ...values];
}
