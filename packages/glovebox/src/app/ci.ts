import { join } from "node:path";
import { CiInsights, createCiRuns, type OpenCiRuns, parseLabels, type RunObserver, storedLogs } from "../ci/index.ts";
import type { Config } from "../config/index.ts";
import { type CiRun, type Logger, type Redactor, systemClock } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import type { Secrets } from "../governance/index.ts";
import type { Sandboxes } from "../runs/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";
import type { OpenForges } from "./forges.ts";

const MINUTE_MS = 60_000;

/** Learns from runs that have ended; to be one of {@link openCi}'s observers. */
export function openInsights(parts: {
  readonly store: Store;
  readonly services: SessionServices;
  readonly logger: Logger;
}): CiInsights {
  const { store, services, logger } = parts;
  const output = (run: CiRun, key: string) => storedLogs(services.executions, run, key);
  return new CiInsights({ runs: store.ciRuns, lessons: store.lessons, output, logger });
}

/** CI over the engine, as configured. */
export async function openCi(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly services: SessionServices;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly secrets: Secrets;
  readonly forges: OpenForges;
  readonly observers: readonly RunObserver[];
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
