import type { Config } from "../config/index.ts";
import type { Logger, Redactor } from "../core/index.ts";
import { type DurableEngine, openEmbeddedEngine } from "../engine/index.ts";
import { loadPrograms, Sandboxes } from "../runs/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";

/** The engine over the store, with the programs of the configuration. Runs that the last server left go on before it resolves. */
export async function openRuns(parts: {
  readonly config: Config["runs"];
  readonly store: Store;
  readonly services: SessionServices;
  readonly logger: Logger;
  readonly redactor: Redactor;
}): Promise<DurableEngine> {
  const { config, store, services, logger, redactor } = parts;
  const sandboxes = new Sandboxes(services);
  const programs = await loadPrograms(config.programs, { sandboxes });
  const { concurrency, perTenant, maxQueued, budget } = config;
  const isLimited = Object.keys(budget).length > 0;
  return openEmbeddedEngine({
    store,
    programs,
    logger,
    redactor,
    onEnd: ({ tenantId, id }) => sandboxes.closeAll(tenantId, id),
    scheduling: { concurrency, maxQueued, ...(perTenant === undefined ? {} : { perTenant }) },
    ...(isLimited && { tenantBudget: () => budget }),
  });
}
