import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent } from "../agent/index.ts";
import { withSocketPath } from "../supervisor/index.ts";
import type { HostSide } from "./host-side.ts";

/** How long a supervisor may take to say that its process has ended, once the agent's connection broke, milliseconds. */
const EXPLAIN_MS = 1_000;

export interface Starting {
  /** What is being started, for people. */
  readonly what: string;
  /** Resolves when the driver's process was forked. */
  readonly going: Promise<void>;
  /** How long it may take until the agent answers, milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Connects to the agent of a sandbox that is starting. Errors: `isolation_unavailable` with what the driver's process said when it has ended, that of `going`,
 * `unavailable` when nobody answers in time, `cancelled`.
 */
export async function greet(
  { folder, supervisor, epoch }: Pick<HostSide, "folder" | "supervisor" | "epoch">,
  { what, going, timeoutMs }: Starting,
  signal?: AbortSignal,
): Promise<AgentConnection> {
  const failed = new AbortController();
  const either = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  // The socket listens already: the greeting waits in it while the driver's process works.
  const connecting = withSocketPath(folder, (socketPath) =>
    connectAgent({ socketPath, epoch, signal: either, timeoutMs }),
  );
  const ending = new AbortController();
  const early = supervisor.ended(ending.signal).then((end) => {
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
    const log = await supervisor.log();
    throw new GloveboxError("isolation_unavailable", `${what} did not start: ${log || String(error)}`);
  } finally {
    ending.abort();
  }
}
