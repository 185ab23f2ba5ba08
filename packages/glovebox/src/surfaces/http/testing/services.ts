import { join } from "node:path";
import type { Isolation, Redactor } from "../../../core/index.ts";
import { BubblewrapDriver, type IsolationDriver } from "../../../sandbox/index.ts";
import { IsolateDriver } from "../../../sandbox/isolate/index.ts";
import { createSessionServices, type SessionServices } from "../../../sessions/index.ts";
import type { Store } from "../../../store/index.ts";

/** For tests: sessions in real sandboxes. */
export async function realServices(room: {
  readonly store: Store;
  readonly dataDir: string;
  /** Default: nothing is masked. */
  readonly redactor?: Redactor;
}): Promise<SessionServices> {
  const driver = new BubblewrapDriver({ runDir: join(room.dataDir, "run") });
  const drivers = new Map<Isolation, IsolationDriver>([
    ["bubblewrap", driver],
    ["isolate", new IsolateDriver({ companion: (spec) => driver.create(spec), warmWorkers: 1 })],
  ]);
  const services = createSessionServices({ ...room, drivers });
  return {
    templates: services.templates,
    sessions: services.sessions,
    executions: services.executions,
    snapshots: services.snapshots,
    pools: services.pools,
    isolations: services.isolations,
    [Symbol.asyncDispose]: async () => {
      for (const session of await room.store.sessions.live())
        await services.sessions.close(session.tenantId, session.id);
      await services[Symbol.asyncDispose]();
      for (const each of drivers.values()) await each[Symbol.asyncDispose]();
    },
  };
}
