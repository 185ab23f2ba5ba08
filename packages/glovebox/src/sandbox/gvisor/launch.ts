import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { someCpus } from "../bubblewrap/driver.ts";
import type { Starting } from "../bubblewrap/greet.ts";
import { writeTrust } from "../bubblewrap/trust.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { bundleConfig } from "./bundle.ts";
import { forwarding } from "./forwarder.ts";
import type { LimitPlan } from "./limit-plan.ts";
import { BUNDLE_NAME, EXCHANGE_NAME, GATED_NAME, HOST_FDS } from "./places.ts";
import type { PreparedHost } from "./prepare-host.ts";
import type { HostUids } from "./record.ts";
import { runscArgv } from "./runsc-argv.ts";

/** How long a new sandbox may take until its agent answers, milliseconds. */
const START_TIMEOUT_MS = 30_000;

/** What runsc is started with, in a supervisor that waits. */
export interface RunscLaunch {
  readonly supervisor: Supervisor;
  /** The supervisor's run folder, by its last name: a folder that is renamed later stays the same. */
  readonly folder: string;
  readonly host: PreparedHost;
  readonly uids: HostUids;
  readonly plan: Pick<LimitPlan, "cpuCount" | "nproc" | "tmpBytes" | "shmBytes">;
  readonly hostname: string;
  /** Whether it goes on when the server dies. */
  readonly outlive: boolean;
  readonly network: boolean;
  /** `SandboxNetwork.authority`. */
  readonly authority?: string;
  /** Host folder of its packages. */
  readonly packages?: string;
  /** Host folder that is mounted as its workspace. */
  readonly workspace: string;
  /** Stop runsc at a gate (`gate.ts`) before it opens a checkpoint. */
  readonly gated?: boolean;
}

/**
 * Lays the bundle out in the run folder, and has the supervisor start runsc with `command`. Resolves when it was told to, with what greets its
 * agent. Errors: those of the file system, `invalid_argument` for an authority that is none.
 */
export async function launchRunsc(launch: RunscLaunch, command: readonly string[]): Promise<Starting> {
  const { supervisor, folder, host, plan, authority, packages, network } = launch;
  const trust = authority === undefined ? {} : { trust: await writeTrust(folder, authority) };
  const bundle = join(folder, BUNDLE_NAME);
  const exchange = join(folder, EXCHANGE_NAME);
  const { root, binds } = await host.mounts({
    // Where it is mounted from, the links on the way to it lead elsewhere.
    workspace: await realpath(launch.workspace),
    bundle,
    exchange,
    ...(network && { network: trust }),
    ...(packages !== undefined && { packages: await realpath(packages) }),
  });
  const { tmpBytes, shmBytes, nproc } = plan;
  const spec = {
    ...{ root, hostname: launch.hostname, tmpBytes, shmBytes, nproc },
    ...(network && { network: forwarding() }),
  };
  await Promise.all([bundle, exchange].map((dir) => mkdir(dir, { recursive: true, mode: 0o755 })));
  await writeFile(join(bundle, "config.json"), bundleConfig(spec), { mode: 0o644 });
  if (launch.gated) {
    const config = bundleConfig({ ...spec, gate: host.starter });
    await writeFile(join(bundle, GATED_NAME, "config.json"), config, { mode: 0o644 });
  }
  const { starter, runsc, platform } = host;
  const going = supervisor.go({
    ...(plan.cpuCount === undefined ? {} : { cpus: someCpus(plan.cpuCount) }),
    outlive: launch.outlive,
    binds,
    fds: Object.values(HOST_FDS),
    argv: runscArgv({ starter, runsc, platform, uids: launch.uids }, command),
    env: {},
  });
  return { what: "gVisor", going, timeoutMs: START_TIMEOUT_MS };
}
