import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent, newLineKey } from "../agent/index.ts";
import { letOut, someCpus } from "../bubblewrap/driver.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import { withSocketPath } from "../bubblewrap/socket-path.ts";
import { writeTrust } from "../bubblewrap/trust.ts";
import type { SandboxSpec } from "../driver.ts";
import { KERNEL_RENEW } from "../kernel/index.ts";
import { machineName } from "../microvm/machines.ts";
import { bundleConfig } from "./bundle.ts";
import { forwarding } from "./forwarder.ts";
import type { LimitPlan } from "./limit-plan.ts";
import { EXCHANGE_NAME, HOST_FDS } from "./places.ts";
import type { PreparedHost } from "./prepare-host.ts";
import type { HostUids } from "./record.ts";
import { restoreCommand, runCommand, runscArgv } from "./runsc-argv.ts";
import { placeImage } from "./snapshot.ts";

/** How long a new sandbox may take until its agent answers, milliseconds. */
const START_TIMEOUT_MS = 30_000;
const EXPLAIN_MS = 1_000;

/** What one sandbox is started from. */
export interface SandboxStart {
  readonly spec: SandboxSpec;
  readonly side: HostSide;
  readonly host: PreparedHost;
  readonly plan: LimitPlan;
  readonly uids: HostUids;
  /** Start it from this instead of anew. */
  readonly memory?: MemoryToRestore;
}

export interface MemoryToRestore {
  readonly image: string;
  /** As the sandbox was made: its root and first program depend on it. */
  readonly network: boolean;
}

/** Starts runsc in the waiting supervisor and greets the agent. A start that fails says what runsc said: `isolation_unavailable`. */
export async function startSandbox(start: SandboxStart, signal?: AbortSignal): Promise<AgentConnection> {
  const { spec, side, host, plan, uids, memory } = start;
  const { network, packages } = spec;
  const hasNetwork = memory?.network ?? network !== undefined;
  const trust = network?.authority === undefined ? {} : { trust: await writeTrust(side.folder, network.authority) };
  const bundle = join(side.folder, "bundle");
  const exchange = join(side.folder, EXCHANGE_NAME);
  const { root, binds } = await host.mounts({
    // Where it is mounted from, the links on the way to it lead elsewhere.
    workspace: await realpath(spec.workspaceDir),
    bundle,
    exchange,
    ...(hasNetwork && { network: trust }),
    ...(packages !== undefined && { packages: await realpath(packages) }),
  });
  const { tmpBytes, shmBytes, nproc } = plan;
  const hostname = machineName(spec.id);
  const config = bundleConfig({
    root,
    hostname,
    tmpBytes,
    shmBytes,
    nproc,
    ...(hasNetwork && { network: forwarding() }),
  });
  await Promise.all([mkdir(bundle, { mode: 0o755 }), mkdir(exchange, { mode: 0o755 })]);
  const command = memory ? restoreCommand(await placeImage(memory.image, side.folder)) : runCommand();
  await writeFile(join(bundle, "config.json"), config, { mode: 0o644 });
  const going = side.supervisor.go({
    ...(plan.cpuCount === undefined ? {} : { cpus: someCpus(plan.cpuCount) }),
    outlive: spec.outliveServer ?? true,
    binds,
    fds: Object.values(HOST_FDS),
    argv: runscArgv({ starter: host.starter, runsc: host.runsc, platform: host.platform, uids }, command),
    env: {},
  });
  const connection = await greet(side, going, signal);
  // An agent from a snapshot has these limits in its memory, and would begin anew to look at all files.
  if (!memory) void connection.watch(plan.watch).catch(() => {});
  if (memory) {
    // Before anything else is asked of it: its kernel still knows itself by the name of the sandbox that it was.
    const renewing = connection.renew({ hostname, key: newLineKey() });
    renewKernels(connection);
    await renewing;
  }
  if (network) await letOut(connection, network);
  return connection;
}

/**
 * Kernels reseed what they draw from: the sandbox's own kernel asks the host each time. Before anything else that they will read; taken
 * when somebody attaches to them. Kernels are those that have a control input; the others answer that they have none.
 */
function renewKernels(connection: AgentConnection): void {
  for (const process of connection.attached) process.writeControl(KERNEL_RENEW).catch(() => {});
}

async function greet(side: HostSide, going: Promise<void>, signal?: AbortSignal): Promise<AgentConnection> {
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
