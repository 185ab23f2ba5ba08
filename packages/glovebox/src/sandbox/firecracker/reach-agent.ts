import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { openAgentSocket, openVsock } from "../agent/index.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { AGENT_PORT } from "./guest-words.ts";
import type { Jail } from "./jail.ts";
import { JAIL_FILES } from "./jail-paths.ts";

const PAUSE_MS = 5;

/**
 * A connection to the agent of a guest that may still be booting: until it listens, Firecracker hangs up, and we try again until `signal` says no more. Errors:
 * `unavailable`, `cancelled`, `internal` (what answers is not Firecracker).
 */
export async function openGuest(jail: Jail, supervisor: Supervisor, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      const socket = await jail.lend(JAIL_FILES.vsock, (path) => openAgentSocket(path, signal));
      await openVsock(socket, AGENT_PORT, signal);
      return socket;
    } catch (error) {
      const again = error instanceof GloveboxError && error.code === "unavailable";
      if (!again || signal.aborted || !supervisor.alive) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
