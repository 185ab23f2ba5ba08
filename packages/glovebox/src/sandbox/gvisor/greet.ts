import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent, newLineKey } from "../agent/index.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import { KERNEL_RENEW } from "../kernel/index.ts";
import { machineName } from "../microvm/machines.ts";
import { withSocketPath } from "../supervisor/index.ts";

/** How long a new sandbox may take until its agent answers, milliseconds. */
const START_TIMEOUT_MS = 30_000;
const EXPLAIN_MS = 1_000;

/**
 * Connects to the agent of a sandbox that is starting. `going`: runsc was forked. Errors: `isolation_unavailable` with what runsc said when the start
 * failed, that of `going`.
 */
export async function greet(side: HostSide, going: Promise<void>, signal?: AbortSignal): Promise<AgentConnection> {
  const failed = new AbortController();
  const limits = [failed.signal, ...(signal ? [signal] : [])];
  // The socket listens already: the greeting waits in it while runsc works.
  const connecting = withSocketPath(side.folder, (socketPath) =>
    connectAgent({ socketPath, epoch: side.epoch, signal: AbortSignal.any(limits), timeoutMs: START_TIMEOUT_MS }),
  );
  const ending = new AbortController();
  const early = side.supervisor.ended(ending.signal).then((end) => {
    if (!ending.signal.aborted) failed.abort();
    return end;
  });
  try {
    const [connection] = await Promise.all([connecting, going]);
    return connection;
  } catch (error) {
    connecting.then((connection) => connection.close()).catch(() => {});
    if (signal?.aborted) throw error;
    // The agent's connection breaks a moment before the supervisor says why.
    const over = await Promise.race([early, sleep(EXPLAIN_MS, "alive" as const)]);
    if (over === "alive") throw error;
    const log = await side.supervisor.log();
    throw new GloveboxError("isolation_unavailable", `gVisor did not start: ${log || String(error)}`);
  } finally {
    ending.abort();
  }
}

/**
 * Makes an agent from a checkpoint that of the sandbox `id`, before anything else is asked of it: its kernel still knows itself by the name of the
 * sandbox that it was. It has its limits in its memory, and would begin anew to look at all files if it were told them.
 */
export async function renew(connection: AgentConnection, id: string): Promise<void> {
  const renewing = connection.renew({ hostname: machineName(id), key: newLineKey() });
  // Kernels reseed what they draw from: the sandbox's own kernel asks the host each time. Before anything else that they will read; taken
  // when somebody attaches to them. Kernels are those that have a control input; the others answer that they have none.
  for (const process of connection.attached) process.writeControl(KERNEL_RENEW).catch(() => {});
  await renewing;
}
