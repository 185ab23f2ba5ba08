import { join } from "node:path";
import type { Config } from "../config/index.ts";
import type { Isolation, Logger } from "../core/index.ts";
import { BubblewrapDriver } from "../sandbox/bubblewrap/index.ts";
import { FirecrackerDriver } from "../sandbox/firecracker/index.ts";
import { GvisorDriver } from "../sandbox/gvisor/index.ts";
import type { IsolationDriver } from "../sandbox/index.ts";
import { IsolateDriver } from "../sandbox/isolate/index.ts";
import { MicrovmDriver } from "../sandbox/microvm/index.ts";
import { openHostImages } from "./images.ts";

const UIDS_PER_DRIVER = 65_536;

/** The drivers of this version, on the configured folders. The caller disposes of them. */
export function openDrivers(config: Config, logger: Logger): ReadonlyMap<Isolation, IsolationDriver> {
  const bubblewrap = new BubblewrapDriver({
    runDir: join(config.dataDir, "run"),
    waiting: config.sandbox.waitingSupervisors,
    logger,
    ...(config.uidBase !== undefined && { uidBase: config.uidBase }),
  });
  const images = openHostImages(config, logger);
  const microvm = new MicrovmDriver({
    runDir: join(config.dataDir, "microvm"),
    images,
    copies: config.sandbox.machineCopies,
    templateBytes: config.sandbox.machineTemplatesMb * 2 ** 20,
    logger,
    // Behind those of bubblewrap and gVisor.
    ...(config.uidBase !== undefined && { uidBase: config.uidBase + 2 * UIDS_PER_DRIVER }),
  });
  const firecracker = new FirecrackerDriver({
    runDir: join(config.dataDir, "firecracker"),
    images,
    logger,
    ...(config.uidBase !== undefined && { uidBase: config.uidBase + 3 * UIDS_PER_DRIVER }),
  });
  const isolate = new IsolateDriver({
    companion: (spec) => bubblewrap.create(spec),
    warmWorkers: config.sandbox.warmWorkers,
  });
  // Beside the start, so that the first session finds a worker; a failure shows when a session needs one.
  void isolate
    .warmUp()
    .catch((error: unknown) => logger.warn({ error: String(error) }, "no isolate worker could be kept warm"));
  return new Map<Isolation, IsolationDriver>([
    ["isolate", isolate],
    ["bubblewrap", bubblewrap],
    ["gvisor", openGvisor(config, logger)],
    ["microvm", microvm],
    ["firecracker", firecracker],
  ]);
}

/** None wait for it: a machine without runsc would prepare for nothing, and its start takes ten times what waiting saves. */
function openGvisor(config: Config, logger: Logger): GvisorDriver {
  return new GvisorDriver({
    runDir: join(config.dataDir, "run", "gvisor"),
    waiting: 0,
    logger,
    // Behind those of bubblewrap.
    ...(config.uidBase !== undefined && { uidBase: config.uidBase + UIDS_PER_DRIVER }),
  });
}
