import { join } from "node:path";
import { createCiRuns, type OpenCiRuns, parseLabels } from "../ci/index.ts";
import type { Config } from "../config/index.ts";
import { type Logger, type Redactor, systemClock } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import type { Secrets } from "../governance/index.ts";
import type { Sandboxes } from "../runs/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";
import type { OpenForges } from "./forges.ts";

const MINUTE_MS = 60_000;

/** CI over the engine, as configured. */
export async function openCi(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly services: SessionServices;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly secrets: Secrets;
  readonly forges: OpenForges;
  readonly logger: Logger;
  readonly redactor: Redactor;
}): Promise<OpenCiRuns> {
  const { config, secrets, forges, ...rest } = parts;
  const { runsOn, maxConcurrentJobs, snapshots, stepTimeoutMinutes, jobTimeoutMinutes, runTimeoutMinutes } = config.ci;
  return createCiRuns({
    ...rest,
    sealedValues: secrets.sealedValues,
    repositories: forges.repositories,
    git: forges.git,
    observers: [],
    folder: join(config.dataDir, "ci"),
    maxConcurrentJobs,
    settings: {
      snapshots,
      ...(stepTimeoutMinutes !== undefined && { stepTimeoutMs: stepTimeoutMinutes * MINUTE_MS }),
      jobTimeoutMs: jobTimeoutMinutes * MINUTE_MS,
      runTimeoutMs: runTimeoutMinutes * MINUTE_MS,
      labels: parseLabels(runsOn),
    },
    clock: systemClock,
  });
}
