import type { Clock, Logger, Run } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import type { Store } from "../store/index.ts";
import type { Agent } from "./agent.ts";
import { createBuiltInAgents } from "./built-in.ts";
import type { KnownAgents } from "./flows/yaml/check-flow.ts";
import type { HostParts } from "./open-host.ts";
import { AgentDesk } from "./registry/agent-desk.ts";
import { AgentDirectory } from "./registry/agent-directory.ts";
import { AgentService } from "./registry/agent-service.ts";
import { taskProgram } from "./registry/task-program.ts";
import { TaskQueue } from "./registry/task-queue.ts";

/** Agents over an engine. */
export interface OpenAgents extends AsyncDisposable {
  /** For programs. */
  readonly desk: AgentDesk;
  /** For surfaces. */
  readonly service: AgentService;
  /** What agents there are, and what those of the house take. */
  known(tenantId: string): Promise<KnownAgents>;
  /** To be told of the end of every run. */
  onRunEnd(run: Run): Promise<void>;
  /** Goes on where the last server ended; once every program is registered. */
  takeUp(): Promise<void>;
}

export function createAgents(parts: {
  readonly store: Pick<Store, "agents" | "agentTasks">;
  readonly engine: DurableEngine;
  readonly host: HostParts;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: all that come with the house. */
  readonly builtIn?: readonly Agent[];
  /** Tasks for outside agents that may wait or be under way, a tenant; default 10,000. */
  readonly maxQueued?: number;
}): OpenAgents {
  const { store, engine, host, clock, logger, builtIn = createBuiltInAgents(), maxQueued } = parts;
  const directory = new AgentDirectory({ store, clock, builtIn });
  const signal = (tenantId: string, runId: string, name: string) => engine.signal(tenantId, runId, name);
  const queue = new TaskQueue({
    store,
    directory,
    clock,
    logger,
    signal,
    ...(maxQueued !== undefined && { maxQueued }),
  });
  const desk = new AgentDesk({ directory, queue });
  const program = taskProgram(desk, host);
  engine.register(program);
  return {
    desk,
    service: new AgentService({ directory, queue, engine, store, program }),
    known: async (tenantId) => {
      const all = await directory.list(tenantId);
      return new Map(
        all.map(({ name, capabilities: types }) => {
          const payload = directory.builtIn(name)?.payload;
          return [name, { types, ...(payload !== undefined && { payload }) }];
        }),
      );
    },
    onRunEnd: ({ tenantId, id }) => queue.runEnded(tenantId, id),
    takeUp: () => queue.takeUp(),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}
