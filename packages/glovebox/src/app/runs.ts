import type { Config } from "../config/index.ts";
import type { Logger, Redactor, Run } from "../core/index.ts";
import { type DurableEngine, openEmbeddedEngine } from "../engine/index.ts";
import { loadPrograms, Sandboxes } from "../runs/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";

export interface OpenRuns extends AsyncDisposable {
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
}

/** The engine over the store, with the programs of the configuration. Runs that the last server left go on before it resolves. */
export async function openRuns(parts: {
  readonly config: Config["runs"];
  readonly store: Store;
  readonly services: SessionServices;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Is told of every end, beside the sandboxes. */
  readonly onEnd: (run: Run) => Promise<void>;
}): Promise<OpenRuns> {
  const { config, store, services, logger, redactor, onEnd } = parts;
  const opened = Promise.withResolvers<DurableEngine>();
  opened.promise.catch(() => {});
  const sandboxes = new Sandboxes(services, async function* (tenantId, id) {
    yield* (await opened.promise).journal(tenantId, id);
  });
  const programs = await loadPrograms(config.programs, { sandboxes });
  const { concurrency, perTenant, maxQueued, budget } = config;
  const isLimited = Object.keys(budget).length > 0;
  const engine = await openEmbeddedEngine({
    store,
    programs,
    logger,
    redactor,
    onEnd: async (run) => {
      await Promise.all([onEnd(run), sandboxes.closeAll(run.tenantId, run.id)]);
    },
    // What is in them now is void: the next step makes them again from what was kept.
    onRollback: ({ tenantId, id }) => sandboxes.closeAll(tenantId, id),
    scheduling: { concurrency, maxQueued, ...(perTenant === undefined ? {} : { perTenant }) },
    ...(isLimited && { tenantBudget: () => budget }),
  });
  opened.resolve(engine);
  return { engine, sandboxes, [Symbol.asyncDispose]: () => engine.close() };
}
