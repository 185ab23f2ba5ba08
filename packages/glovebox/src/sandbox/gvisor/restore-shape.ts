import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { SessionLimits } from "../../core/index.ts";
import type { SandboxSpec } from "../driver.ts";

/** What a runsc that restores must know of its sandbox when it starts, before it knows the checkpoint. Only for what has just this shape may it be used. */
export interface RestoreShape {
  readonly limits: SessionLimits;
  /** Whether it was made with a network. */
  readonly network: boolean;
  /** `SandboxNetwork.authority`. */
  readonly authority?: string;
  /** Host folder of its packages, and which folder that was when it was looked at. */
  readonly packages?: { readonly dir: string; readonly identity: string };
  readonly outlive: boolean;
}

/** A sandbox that is to be restored, as far as its shape says it. */
export type Shaped = Pick<SandboxSpec, "limits" | "network" | "packages" | "outliveServer" | "workspaceDir">;

/**
 * That of a sandbox. `network`: whether it is to be made as one with a network. Nothing where its workspace lies on another file system than the
 * run folders, from which it could not be moved there. Errors: those of the file system.
 */
export async function shapeOf(spec: Shaped, network: boolean, runDir: string): Promise<RestoreShape | undefined> {
  const { limits, packages, outliveServer: outlive = true } = spec;
  const authority = spec.network?.authority;
  const [run, workspaces] = await Promise.all([stat(runDir), stat(dirname(spec.workspaceDir))]);
  if (run.dev !== workspaces.dev) return undefined;
  return {
    limits,
    network,
    ...(authority === undefined ? {} : { authority }),
    ...(packages === undefined ? {} : { packages: await identityOf(packages) }),
    outlive,
  };
}

/** Equal for equal shapes. */
export function keyOf({ limits, network, authority, packages, outlive }: RestoreShape): string {
  const { cpus, memoryMb, pids, openFiles, diskMb } = limits;
  const { dir, identity } = packages ?? {};
  return JSON.stringify([cpus, memoryMb, pids, openFiles, diskMb, network, authority, dir, identity, outlive]);
}

/** A mount is of a folder, not of a path: one that was made anew at the same place is another. */
async function identityOf(path: string): Promise<{ readonly dir: string; readonly identity: string }> {
  const dir = await realpath(path);
  const { dev, ino, birthtimeNs } = await stat(dir, { bigint: true });
  return { dir, identity: `${dev} ${ino} ${birthtimeNs}` };
}
