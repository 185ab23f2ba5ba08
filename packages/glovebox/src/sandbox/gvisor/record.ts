import { type AppliedLimit, GloveboxError, isId } from "../../core/index.ts";
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
  readonly openFiles: number;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly limitsApplied: readonly AppliedLimit[];
  /** Whether it was made with sockets to forward. */
  readonly network?: boolean;
}

export type HostUids = readonly [root: number, code: number, kernel: number];

export function encodeRecord(id: string, state: GvisorState): SandboxRecord {
  return { version: 1, isolation: "gvisor", id, data: { ...state } };
}

/** Errors: `invalid_argument` for a record that is not one of ours; it comes from the store, but is not trusted blindly. */
export function decodeRecord(record: SandboxRecord): GvisorState {
  const data = record.data as Partial<GvisorState>;
  const { supervisor, cgroups, uids, openFiles } = data;
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
    Number.isSafeInteger(openFiles);
  if (!sound) throw new GloveboxError("invalid_argument", "The record is not that of a gvisor sandbox");
  return {
    supervisor,
    cgroups,
    uids,
    openFiles: openFiles ?? 0,
    env: data.env ?? {},
    limitsApplied: data.limitsApplied ?? [],
    ...(data.network === true ? { network: true } : {}),
    ...(data.kernelOptions === undefined ? {} : { kernelOptions: data.kernelOptions }),
  };
}

/** Ids of the host that are nobody's but ours: never root's. */
export function areUids(value: unknown): value is HostUids {
  return Array.isArray(value) && value.length === 3 && value.every((uid) => Number.isSafeInteger(uid) && uid > 0);
}
