import { constants } from "node:os";
import type { SandboxEnd } from "../driver.ts";
import type { SupervisorEnd } from "../supervisor/index.ts";

/** bwrap reports the death of its first process by a signal as 128 + the signal's number. */
const SIGNAL_BASE = 128;
const SIGKILL = 9;

/** Puts what the supervisor saw and the kernel's out-of-memory count into the driver's words. */
export function explainEnd(end: SupervisorEnd | undefined, oomKills: number): SandboxEnd {
  if (!end) return { kind: "signal", signal: "SIGKILL" };
  const number = end.kind === "signal" ? end.number : end.code > SIGNAL_BASE ? end.code - SIGNAL_BASE : undefined;
  if (number === SIGKILL && oomKills > 0) return { kind: "oom" };
  if (number !== undefined) return { kind: "signal", signal: signalName(number) };
  return { kind: "exit", code: end.kind === "exit" ? end.code : 0 };
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `SIG${number}`;
}
