import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  Execution,
  ExecutionInput,
  Isolation,
  Outside,
  Redactor,
  SessionInput,
  StoredEvent,
} from "../../core/index.ts";
import { BubblewrapDriver } from "../../sandbox/bubblewrap/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { IsolateDriver } from "../../sandbox/isolate/index.ts";
import { openSqliteStore, type Store, type StoreFaults } from "../../store/index.ts";
import { createSessionServices, type PoolSettings, type Quotas, type RecoverableSessionServices } from "../index.ts";

export const TENANT = "acme";

/** Real store, real sandboxes, in a folder of their own. */
export interface Stage extends AsyncDisposable {
  readonly dir: string;
  readonly store: Store;
  readonly services: RecoverableSessionServices;
  readonly driver: IsolationDriver;
  session(input?: SessionInput): Promise<string>;
  run(sessionId: string, input: ExecutionInput): Promise<Ran>;
  py(sessionId: string, code: string, more?: Partial<ExecutionInput>): Promise<Ran>;
  /** Ends the server: its sessions go on, for a stage that is opened in the same folder. */
  letGo(): Promise<void>;
}

export interface Ran {
  readonly execution: Execution;
  readonly events: readonly StoredEvent[];
  /** Text of stdout, and of stderr. */
  readonly out: string;
  readonly err: string;
}

export async function openStage(
  options: {
    dir?: string;
    faults?: StoreFaults;
    quotas?: Partial<Quotas>;
    redactor?: Redactor;
    /** Default: nothing leads out of sandboxes. */
    outside?: Outside;
    freeMemoryBytes?: () => number;
    pools?: Partial<PoolSettings>;
    /** A driver besides bubblewrap and isolate; its files are to go below the folder. */
    more?: (dir: string) => IsolationDriver;
  } = {},
): Promise<Stage> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "glovebox-sessions-")));
  const store = await openSqliteStore({
    dataDir: join(dir, "data"),
    ...(options.faults !== undefined && { faults: options.faults }),
  });
  const bubblewrap = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
  const isolate = new IsolateDriver({ companion: (spec) => bubblewrap.create(spec), warmWorkers: 1 });
  const drivers = new Map<Isolation, IsolationDriver>([
    ["bubblewrap", bubblewrap],
    ["isolate", isolate],
  ]);
  const more = options.more?.(dir);
  if (more !== undefined) drivers.set(more.isolation, more);
  const services = createSessionServices({
    store,
    drivers,
    dataDir: dir,
    ...(options.quotas !== undefined && { quotas: options.quotas }),
    ...(options.pools !== undefined && { pools: options.pools }),
    ...(options.redactor !== undefined && { redactor: options.redactor }),
    ...(options.outside !== undefined && { outside: options.outside }),
    ...(options.freeMemoryBytes !== undefined && { freeMemoryBytes: options.freeMemoryBytes }),
  });
  const run = async (sessionId: string, input: ExecutionInput): Promise<Ran> => {
    const { execution } = await services.executions.start(TENANT, sessionId, input);
    return read(services, await services.executions.wait(TENANT, execution.id));
  };
  const letGo = async () => {
    await services[Symbol.asyncDispose]();
    await bubblewrap[Symbol.asyncDispose]();
    await isolate[Symbol.asyncDispose]();
    await more?.[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return {
    letGo,
    dir,
    store,
    services,
    driver: more ?? bubblewrap,
    session: async (input = { template: "python" }) => (await services.sessions.create(TENANT, input)).session.id,
    run,
    py: (id, code, more) => run(id, { kind: "repl", language: "python", input: code, ...more }),
    [Symbol.asyncDispose]: async () => {
      const live = await services.sessions.list(TENANT, {
        status: ["starting", "ready", "paused", "closing"],
        limit: 1000,
      });
      await Promise.allSettled(live.items.map(({ id }) => services.sessions.close(TENANT, id)));
      await services[Symbol.asyncDispose]();
      // What a test that timed out was still making is nobody's.
      await Promise.allSettled([...drivers.values()].map((driver) => driver.sweep(new Set())));
      await letGo();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function read(services: RecoverableSessionServices, execution: Execution): Promise<Ran> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await services.executions.events(TENANT, execution.id, { afterSeq: events.length, limit: 10_000 });
    events.push(...page);
    if (page.length < 10_000) break;
  }
  return { execution, events, out: textOf(events, "stdout"), err: textOf(events, "stderr") };
}

export function textOf(events: readonly StoredEvent[], type: "stdout" | "stderr"): string {
  const parts = events.map((event) => {
    if (event.type !== type) return Buffer.alloc(0);
    const payload = event.payload as { text?: string; base64?: string };
    return payload.text === undefined ? Buffer.from(payload.base64 ?? "", "base64") : Buffer.from(payload.text);
  });
  return Buffer.concat(parts).toString("utf8");
}
