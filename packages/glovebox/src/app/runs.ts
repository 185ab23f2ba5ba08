import type { Config } from "../config/index.ts";
import type { ContextStore } from "../context/index.ts";
import type { Logger, Metrics, Redactor, Run } from "../core/index.ts";
import { type DurableEngine, openEmbeddedEngine } from "../engine/index.ts";
import { loadPrograms, RunDocuments, Sandboxes, takeBack } from "../runs/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";

export interface OpenRuns extends AsyncDisposable {
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly documents: RunDocuments;
}

/** The engine over the store, with the programs of the configuration. Runs that the last server left go on before it resolves. */
export async function openRuns(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly services: SessionServices;
  readonly context: ContextStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly redactor: Redactor;
  /** Is told of every end, beside the sandboxes. */
  readonly onEnd: (run: Run) => Promise<void>;
}): Promise<OpenRuns> {
  const { store, services, context, logger, metrics, redactor, onEnd } = parts;
  const config = parts.config.runs;
  const opened = Promise.withResolvers<DurableEngine>();
  opened.promise.catch(() => {});
  async function* journal(tenantId: string, id: string) {
    yield* (await opened.promise).journal(tenantId, id);
  }
  const sandboxes = new Sandboxes(services, journal, () => context.revision());
  const documents = new RunDocuments(context);
  const programs = await loadPrograms(config.programs, { sandboxes, documents });
  const { concurrency, perTenant, maxQueued, budget } = config;
  const isLimited = Object.keys(budget).length > 0;
  const engine = await openEmbeddedEngine({
    store,
    programs,
    logger,
    metrics,
    redactor,
    onEnd: async (run) => {
      await Promise.all([onEnd(run), sandboxes.closeAll(run.tenantId, run.id)]);
    },
    onRollback: takeBack(sandboxes, context),
    scheduling: { concurrency, maxQueued, ...(perTenant === undefined ? {} : { perTenant }) },
    ...(isLimited && { tenantBudget: () => budget }),
  });
  opened.resolve(engine);
  return { engine, sandboxes, documents, [Symbol.asyncDispose]: () => engine.close() };
}
