import { rm } from "node:fs/promises";
import type { SandboxCgroup } from "../cgroup/index.ts";
import type { Supervisor } from "../supervisor/index.ts";

/** What a sandbox holds on the host. */
export interface HostSide {
  readonly supervisor: Supervisor;
  readonly cgroup: SandboxCgroup;
  readonly folder: string;
  /** Of our connection to the agent. */
  readonly epoch: bigint;
  /** Called when all is freed. */
  readonly onFreed: () => void;
  /** Called when it was let go of, and lives on. */
  readonly onDetached: () => void;
}

/** Kills and frees all of it. Safe to call again. */
export async function freeHostSide(host: HostSide): Promise<void> {
  await host.supervisor.kill();
  host.supervisor.release();
  await host.cgroup.remove();
  await rm(host.folder, { recursive: true, force: true });
  host.onFreed();
}
