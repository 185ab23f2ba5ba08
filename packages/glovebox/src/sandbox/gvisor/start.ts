import type { AgentConnection } from "../agent/index.ts";
import { letOut } from "../bubblewrap/driver.ts";
import { greet } from "../bubblewrap/greet.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import type { SandboxSpec } from "../driver.ts";
import { machineName } from "../microvm/machines.ts";
import { launchRunsc } from "./launch.ts";
import type { LimitPlan } from "./limit-plan.ts";
import type { PreparedHost } from "./prepare-host.ts";
import type { HostUids } from "./record.ts";
import { renew } from "./renew.ts";
import { restoreCommand, runCommand } from "./runsc-argv.ts";
import { placeImage } from "./snapshot.ts";

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
  const launch = {
    ...{ supervisor: side.supervisor, folder: side.folder, host, uids, plan },
    hostname: machineName(spec.id),
    outlive: spec.outliveServer ?? true,
    network: memory?.network ?? network !== undefined,
    ...(network?.authority === undefined ? {} : { authority: network.authority }),
    ...(packages === undefined ? {} : { packages }),
    workspace: spec.workspaceDir,
  };
  const command = memory ? restoreCommand(await placeImage(memory.image, side.folder)) : runCommand();
  const connection = await greet(side, await launchRunsc(launch, command), signal);
  if (memory) await renew(connection, spec.id);
  else void connection.watch(plan.watch).catch(() => {});
  if (network) await letOut(connection, network);
  return connection;
}
