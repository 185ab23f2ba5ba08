import { readFileSync } from "node:fs";

/** Names one process for good: a pid alone is given out again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start (field 22 of `/proc/<pid>/stat`). */
  readonly startTime: number;
  /** Of the host: after a reboot equal numbers mean nothing. */
  readonly bootId: string;
}

/** The identity of the process that has this pid now; `undefined` when there is none, or only its zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTime: Number(fields[19]), bootId: hostBootId() };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Signals exactly this process, never one that got its pid later. False when it is gone. */
export function signalExactly(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (identity.pid <= 1 || !isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

let bootId: string | undefined;

function hostBootId(): string {
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return bootId;
}
