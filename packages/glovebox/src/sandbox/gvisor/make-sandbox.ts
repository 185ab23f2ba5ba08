import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { AgentConnection } from "../agent/index.ts";
import { FIRST_EPOCH, noteEpoch } from "../bubblewrap/epoch.ts";
import { handOver } from "../bubblewrap/hand-over.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import type { SandboxSpec } from "../driver.ts";
import { removeTree } from "../trees/index.ts";
import type { RestoreOrder } from "./gated-restore.ts";
import { noteUids, takeUids } from "./host-uids.ts";
import { type LimitPlan, planLimits } from "./limit-plan.ts";
import type { HostUids } from "./record.ts";
import type { RestoreShape } from "./restore-shape.ts";
import type { Room } from "./room.ts";
import { type CheckedSnapshot, restoreWorkspace } from "./snapshot.ts";
import { startSandbox } from "./start.ts";
import type { WaitingRestores } from "./waiting-restores.ts";

/** A sandbox that is to be made, from nothing or from a snapshot. */
export interface SandboxOrder {
  readonly room: Room;
  readonly restores: WaitingRestores;
  readonly spec: SandboxSpec;
  readonly from: CheckedSnapshot | undefined;
  /** Nothing where no restore can wait for it. */
  readonly shape: () => Promise<RestoreShape | undefined>;
  readonly whenOver: (uids: HostUids) => Pick<HostSide, "onFreed" | "onDetached">;
}

export interface MadeSandbox {
  readonly connection: AgentConnection;
  readonly side: HostSide;
  readonly plan: LimitPlan;
  readonly uids: HostUids;
}

/**
 * Makes a sandbox. One with memory comes from a runsc that stands at its gate, if that succeeds, and else as all others do. Errors: those of the
 * second way.
 */
export async function makeSandbox(order: SandboxOrder, signal?: AbortSignal): Promise<MadeSandbox> {
  const { from } = order;
  if (from?.kind !== "memory") return makeAnew(order, FIRST_EPOCH, signal);
  // An agent from a snapshot has its parent's latest epoch behind it.
  const epoch = BigInt(from.data.epoch) + 1n;
  return (await makeAtGate(order, { from, spec: order.spec, epoch }, signal)) ?? makeAnew(order, epoch, signal);
}

async function makeAnew(order: SandboxOrder, epoch: bigint, signal?: AbortSignal): Promise<MadeSandbox> {
  const { room, spec, from, whenOver } = order;
  const { host, runDir } = room;
  const { supervisor, cgroup, folder: waitingFolder } = await room.pool.take();
  const uids = takeUids(room.uids);
  const folder = join(runDir, spec.id);
  let side: HostSide = { supervisor, cgroup, folder: waitingFolder, epoch, ...whenOver(uids) };
  try {
    const plan = planLimits(spec.limits, cgroup, uids[1], spec.allowPartial, spec.network ? "proxy" : "none");
    if (from) await restoreWorkspace({ snapshot: from, nativeDir: host.nativeDir }, spec.workspaceDir, signal);
    await handOver(spec.workspaceDir, uids[1], host.nativeDir);
    await noteUids(waitingFolder, uids);
    await noteEpoch(waitingFolder, epoch);
    await rename(waitingFolder, folder);
    supervisor.moved(folder);
    side = { ...side, folder };
    const memory = from?.kind === "memory" ? { image: from.image, network: from.data.network } : undefined;
    const connection = await startSandbox({ spec, side, host, plan, uids, ...(memory && { memory }) }, signal);
    return { connection, side, plan, uids };
  } catch (error) {
    await freeHostSide(side);
    throw error;
  }
}

/** Nothing when that cannot be, or went wrong; the workspace is empty again then, and a restore that waited is no reason for one to fail. */
async function makeAtGate(
  { room, restores, shape, whenOver }: SandboxOrder,
  order: RestoreOrder,
  signal?: AbortSignal,
): Promise<MadeSandbox | undefined> {
  const { workspaceDir } = order.spec;
  let changed = false;
  try {
    const wanted = await shape();
    const restore = wanted && restores.take(wanted);
    if (!restore) return undefined;
    const { uids } = restore;
    const { connection, plan, side } = await restore.finish(order, () => (changed = true), signal);
    return { connection, side: { ...side, ...whenOver(uids) }, plan, uids };
  } catch (error) {
    if (signal?.aborted) throw error;
    room.logger.warn({ error: String(error) }, "a restore that waited could not be used");
    // What was put there is ours, and may have been changed by what ran.
    if (changed) await removeTree(workspaceDir);
    return undefined;
  }
}
