import { setTimeout as sleep } from "node:timers/promises";
import type { AgentConnection } from "../agent/index.ts";
import type { SandboxEnd } from "../driver.ts";
import { lastEpoch } from "./epoch.ts";
import type { HostSide } from "./host-side.ts";
import { explainEnd } from "./sandbox-end.ts";

const END_PATIENCE_MS = 800;

/** A sandbox whose end is waited for. */
export interface Watched {
  readonly connection: AgentConnection;
  readonly host: HostSide;
  /** Whether it was destroyed or let go of: then whoever did that has settled it, or nobody waits. */
  readonly isOver: () => boolean;
  readonly detach: () => Promise<void>;
  readonly settle: (end: SandboxEnd) => void;
  /** In the driver's words what the supervisor saw. Default: bubblewrap's. */
  readonly explain?: typeof explainEnd;
  /** How long the supervisor may take to say how it ended once the agent is gone, milliseconds. Default 800. */
  readonly patienceMs?: number;
}

/** Waits until the agent is gone, finds out why, settles it, and kills what no agent keeps any more. */
export async function watchEnd(watched: Watched): Promise<void> {
  const { connection, host, settle, explain = explainEnd, patienceMs = END_PATIENCE_MS } = watched;
  const closed = await connection.closed;
  if (watched.isOver()) return;
  if (closed.by === "protocol") {
    settle({ kind: "protocol", message: closed.message ?? "the agent broke the protocol" });
    await host.supervisor.kill();
    return;
  }
  const end = await Promise.race([host.supervisor.ended(), sleep(patienceMs, "late" as const)]);
  if (end !== "late") {
    settle(explain(end, host.cgroup.oomKills()));
    return;
  }
  if ((await lastEpoch(host.folder)) > host.epoch) {
    // It is another server's now, and not ours to end.
    await watched.detach();
    settle({ kind: "protocol", message: "another server took the sandbox over" });
    return;
  }
  settle({ kind: "protocol", message: "the agent left its connection" });
  await host.supervisor.kill();
}
