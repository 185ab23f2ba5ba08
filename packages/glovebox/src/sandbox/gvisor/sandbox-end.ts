import { explainEnd as explainExit } from "../bubblewrap/sandbox-end.ts";
import type { SandboxEnd } from "../driver.ts";
import type { SupervisorEnd } from "../supervisor/index.ts";

/** Puts what the supervisor saw and the kernel's out-of-memory count into the driver's words. */
export function explainEnd(end: SupervisorEnd | undefined, oomKills: number): SandboxEnd {
  // Whatever the host's kernel killed, runsc then ends in some way of its own.
  return oomKills > 0 ? { kind: "oom" } : explainExit(end, 0);
}
