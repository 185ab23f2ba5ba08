import { join } from "node:path";

/** Files in the jail, as the jailed Firecracker sees them below its root. */
export const JAIL_FILES = {
  api: "api.sock",
  vsock: "agent.sock",
  log: "log",
  kernel: "kernel",
  initramfs: "initramfs",
  root: "root",
  tools: "tools",
  workspace: "workspace",
  packages: "packages",
  /** To go on from. */
  memory: "memory",
  state: "state",
  /** Written by a snapshot, then taken away. */
  savedMemory: "saved-memory",
  savedState: "saved-state",
} as const;

export type JailFile = (typeof JAIL_FILES)[keyof typeof JAIL_FILES];

/** In a sandbox's run folder: what the jailer makes jails in. */
export const JAIL_BASE = "jail";

/** The root that the jailer gives a machine: its rule is `<base>/<name of the program>/<id>/root`. */
export function jailRoot(folder: string, program: string, id: string): string {
  return join(folder, JAIL_BASE, program, id, "root");
}

/** A file's path as Firecracker is told it. */
export function inJail(name: JailFile): string {
  return `/${name}`;
}
