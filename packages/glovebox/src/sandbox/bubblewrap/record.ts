import { type AppliedLimit, GloveboxError, isId } from "../../core/index.ts";
import type { CgroupPlace } from "../cgroup/index.ts";
import type { KernelOptions, SandboxRecord } from "../driver.ts";
import type { ProcessIdentity } from "../supervisor/index.ts";

/** What a later server needs to find a sandbox again. */
export interface BubblewrapState {
  readonly supervisor: ProcessIdentity;
  readonly cgroups: readonly CgroupPlace[];
  readonly uid?: number;
  /** Host folder of the workspace. Absent in records of older servers: such sandboxes give no snapshots. */
  readonly workspace?: string;
  readonly openFiles: number;
  /** Whether the agent's watchdog, not a cgroup, bounds memory. */
  readonly watched: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly limitsApplied: readonly AppliedLimit[];
  /** Whether it was made with sockets to forward. */
  readonly network?: boolean;
}

export function encodeRecord(id: string, state: BubblewrapState): SandboxRecord {
  return { version: 1, isolation: "bubblewrap", id, data: { ...state } };
}

/** Errors: `invalid_argument` for a record that is not one of ours; it comes from the store, but is not trusted blindly. */
export function decodeRecord(record: SandboxRecord): BubblewrapState {
  const data = record.data as Partial<BubblewrapState>;
  const { supervisor, cgroups, uid, openFiles } = data;
  const sound =
    record.version === 1 &&
    record.isolation === "bubblewrap" &&
    isId(record.id) &&
    supervisor !== undefined &&
    Number.isSafeInteger(supervisor.pid) &&
    supervisor.pid > 1 &&
    Number.isSafeInteger(supervisor.startTime) &&
    typeof supervisor.bootId === "string" &&
    areCgroups(cgroups) &&
    (uid === undefined || (Number.isSafeInteger(uid) && uid > 0)) &&
    Number.isSafeInteger(openFiles);
  if (!sound) throw new GloveboxError("invalid_argument", "The record is not that of a bubblewrap sandbox");
  return {
    supervisor,
    cgroups,
    openFiles: openFiles ?? 0,
    watched: data.watched === true,
    env: data.env ?? {},
    limitsApplied: data.limitsApplied ?? [],
    ...(uid === undefined ? {} : { uid }),
    ...(typeof data.workspace === "string" ? { workspace: data.workspace } : {}),
    ...(data.network === true ? { network: true } : {}),
    ...(data.kernelOptions === undefined ? {} : { kernelOptions: data.kernelOptions }),
  };
}

/** Folders that may be killed and removed must be ones that we make: `…/glovebox/<prefix>-<slot>`, nothing above. */
export function areCgroups(value: unknown): value is readonly CgroupPlace[] {
  return (
    Array.isArray(value) &&
    value.every((place: Partial<CgroupPlace> | null) => {
      const dir = place?.dir;
      if (typeof dir !== "string" || !/^\/[^\0]*\/glovebox\/[0-9a-f]{8}-[0-9a-f-]{36}$/.test(dir)) return false;
      return (
        !dir.split("/").includes("..") &&
        (place?.version === 1 || place?.version === 2) &&
        Array.isArray(place.controllers)
      );
    })
  );
}
