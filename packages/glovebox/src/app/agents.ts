import { CodeThreads, createAgents, type OpenAgents } from "../agents/index.ts";
import { type Logger, systemClock } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import type { Sandboxes } from "../runs/index.ts";
import type { Store } from "../store/index.ts";

/** Agents over the engine. What the last server left to be told is told before it resolves. */
export async function openAgents(parts: {
  readonly store: Store;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly logger: Logger;
}): Promise<OpenAgents> {
  const { store, engine, sandboxes, logger } = parts;
  const code = new CodeThreads();
  const agents = createAgents({
    store,
    engine,
    host: { workbench: { sandboxes, blobs: store.blobs }, code },
    clock: systemClock,
    logger,
  });
  await agents.takeUp();
  return {
    ...agents,
    async [Symbol.asyncDispose]() {
      await agents[Symbol.asyncDispose]();
      await code[Symbol.asyncDispose]();
    },
  };
}
