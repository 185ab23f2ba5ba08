import { type AppliedLimit, GloveboxError, isId, type SessionLimits } from "../../core/index.ts";
import { areCgroups } from "../bubblewrap/record.ts";
import type { CgroupPlace } from "../cgroup/index.ts";
import type { KernelOptions, SandboxRecord } from "../driver.ts";
import type { ProcessIdentity } from "../supervisor/index.ts";

/** What a later server needs to find a sandbox again. */
export interface GvisorState {
  readonly supervisor: ProcessIdentity;
  readonly cgroups: readonly CgroupPlace[];
  /** Its three uids on the host: of runsc's parts, of the code, of the user-space kernel. */
  readonly uids: HostUids;
  readonly workspaceDir: string;
  readonly limits: SessionLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly limitsApplied: readonly AppliedLimit[];
  /** Whether it was made with sockets to forward. */
  readonly network?: boolean;
  /** Whether it trusts an authority of its own (`SandboxNetwork.authority`): its root has a place for it. */
  readonly trusting?: boolean;
  /** Host folder of its packages. */
  readonly packages?: string;
}

export type HostUids = readonly [root: number, code: number, kernel: number];

export function encodeRecord(id: string, state: GvisorState): SandboxRecord {
  return { version: 1, isolation: "gvisor", id, data: { ...state } };
}

/** Errors: `invalid_argument` for a record that is not one of ours; it comes from the store, but is not trusted blindly. */
export function decodeRecord(record: SandboxRecord): GvisorState {
  const data = record.data as Partial<GvisorState>;
  const { supervisor, cgroups, uids, limits, workspaceDir } = data;
  const sound =
    record.version === 1 &&
    record.isolation === "gvisor" &&
    isId(record.id) &&
    supervisor !== undefined &&
    Number.isSafeInteger(supervisor.pid) &&
    supervisor.pid > 1 &&
    Number.isSafeInteger(supervisor.startTime) &&
    typeof supervisor.bootId === "string" &&
    areCgroups(cgroups) &&
    areUids(uids) &&
    typeof workspaceDir === "string" &&
    areLimits(limits);
  if (!sound) throw new GloveboxError("invalid_argument", "The record is not that of a gvisor sandbox");
  return {
    supervisor,
    cgroups,
    uids,
    workspaceDir,
    limits,
    env: data.env ?? {},
    limitsApplied: data.limitsApplied ?? [],
    ...(data.network === true ? { network: true } : {}),
    ...(data.trusting === true ? { trusting: true } : {}),
    ...(typeof data.packages === "string" ? { packages: data.packages } : {}),
    ...(data.kernelOptions === undefined ? {} : { kernelOptions: data.kernelOptions }),
  };
}

/** Ids of the host that are nobody's but ours: never root's. */
export function areUids(value: unknown): value is HostUids {
  return Array.isArray(value) && value.length === 3 && value.every((uid) => Number.isSafeInteger(uid) && uid > 0);
}

/** Figures that can be applied: whether they may be is decided where a session is made. */
export function areLimits(value: unknown): value is SessionLimits {
  const limits = value as Partial<SessionLimits> | null | undefined;
  const { cpus, memoryMb, pids, openFiles, diskMb } = limits ?? {};
  return [cpus, memoryMb, pids, openFiles, diskMb].every(
    (figure) => typeof figure === "number" && Number.isFinite(figure) && figure > 0,
  );
}
