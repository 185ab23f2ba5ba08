import { GloveboxError } from "../../core/index.ts";
import { identify, isAlive } from "../supervisor/index.ts";

/** This process, as the beginning of a file's name: whose process has died, that may be taken away. */
export function nameOfOwner(): string {
  const identity = identify(process.pid);
  if (identity === undefined) throw new GloveboxError("internal", "this process cannot be found in /proc");
  return `${identity.pid}-${identity.startTime}-${identity.bootId.replaceAll("-", "")}`;
}

/** Whether the process still runs that named a file. What no process can have named is nobody's. */
export function ownerAlive(fileName: string): boolean {
  const [, pid, startTime, boot = ""] = /^(\d{1,10})-(\d{1,20})-([0-9a-f]{32})-/.exec(fileName) ?? [];
  if (pid === undefined) return false;
  const bootId = boot.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return isAlive({ pid: Number(pid), startTime: Number(startTime), bootId });
}
