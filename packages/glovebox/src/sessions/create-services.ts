import { freemem } from "node:os";
import { join } from "node:path";
import {
  type Clock,
  type Isolation,
  type Logger,
  type Metrics,
  noMetrics,
  type Outside,
  type Redactor,
  silentLogger,
  systemClock,
} from "../core/index.ts";
import type { IsolationDriver } from "../sandbox/index.ts";
import type { Store } from "../store/index.ts";
import { Executions } from "./executions/execution-service.ts";
import { type LibraryCache, NpmLibraryCache } from "./libraries/library-cache.ts";
import { Isolations } from "./lifecycle/isolations.ts";
import { QuotaLedger, type Quotas } from "./lifecycle/quota-ledger.ts";
import { SessionKeeper } from "./lifecycle/session-keeper.ts";
import { SessionRegistry } from "./lifecycle/session-registry.ts";
import { Sessions } from "./lifecycle/session-service.ts";
import { watchSessions } from "./lifecycle/watch-sessions.ts";
import { PackageLayers, type PackageSettings } from "./packages/package-layers.ts";
import { Pausing } from "./pausing/pausing.ts";
import { type PoolSettings, Pools } from "./pools/pools.ts";
import { type RecoveryReport, recoverSessions } from "./recovery/recover.ts";
import type { Room } from "./room.ts";
import type { SessionServices } from "./services.ts";
import { AutomaticSnapshots } from "./snapshots/automatic.ts";
import { InTurn } from "./snapshots/in-turn.ts";
import type { SnapshotParts } from "./snapshots/parts.ts";
import { Snapshots } from "./snapshots/snapshot-service.ts";
import { Templates } from "./templates/template-service.ts";

export interface SessionServicesOptions {
  readonly store: Store;
  readonly drivers: ReadonlyMap<Isolation, IsolationDriver>;
  /** Workspaces (`workspaces/`) and libraries (`libraries/`) are kept here. */
  readonly dataDir: string;
  /** Default `local`. */
  readonly nodeId?: string;
  readonly logger?: Logger;
  /** Default: nobody takes figures. */
  readonly metrics?: Metrics;
  /** Without one nothing is masked. */
  readonly redactor?: Redactor;
  readonly clock?: Clock;
  /** Default: no quotas. */
  readonly quotas?: Partial<Quotas>;
  readonly libraries?: LibraryCache;
  /** The way out for sandboxes; without it only network mode `none` is accepted. */
  readonly outside?: Outside;
  /** Where packages come from and how much they may take; default: as this machine's installers say, 20 GiB. */
  readonly packages?: Partial<PackageSettings>;
  /** Pools of ready-made templates, and when memory counts as short for all pools. Default: none; less than 10 % free, or 20 % of the time waited for. */
  readonly pools?: Partial<PoolSettings>;
  /** Memory that copies of sandboxes may take at once, bytes. Default: what this machine has left. */
  readonly freeMemoryBytes?: () => number;
}

export interface RecoverableSessionServices extends SessionServices {
  /** To be called once, before work is taken: finds what outlived the last server and settles what did not. Pools begin to fill then. */
  recover(): Promise<RecoveryReport>;
}

const NO_POOLS: PoolSettings = {
  sizes: new Map(),
  tenantId: "default",
  memory: { minFreePercent: 10, maxPressurePercent: 20 },
};

/** Templates, sessions and executions on a store and drivers. Disposing lets go of live sandboxes; the drivers and the store stay the caller's. */
export function createSessionServices(options: SessionServicesOptions): RecoverableSessionServices {
  const room: Room = {
    store: options.store,
    drivers: options.drivers,
    dataDir: options.dataDir,
    nodeId: options.nodeId ?? "local",
    logger: options.logger ?? silentLogger,
    metrics: options.metrics ?? noMetrics,
    redactor: options.redactor,
    clock: options.clock ?? systemClock,
    quotas: { tenant: options.quotas?.tenant ?? {}, host: options.quotas?.host ?? {} },
    libraries: options.libraries ?? new NpmLibraryCache(join(options.dataDir, "libraries")),
    outside: options.outside,
    freeMemoryBytes: options.freeMemoryBytes ?? freemem,
    layers: new PackageLayers({
      dataDir: options.dataDir,
      settings: { registries: {}, maxMb: 20_480, ...options.packages },
      outside: options.outside,
      logger: options.logger ?? silentLogger,
    }),
  };
  const registry = new SessionRegistry(room.store);
  watchSessions(room.metrics, registry);
  const isolations = new Isolations(room.drivers);
  const quotas = new QuotaLedger(room.quotas);
  const keeper = new SessionKeeper(room, isolations, registry, quotas);
  const pools = new Pools({
    room,
    isolations,
    quotas,
    settings: { ...NO_POOLS, ...options.pools },
    executions: () => registry.runs.size,
  });
  const ending = new AbortController();
  const snapshots: SnapshotParts = { room, keeper, isolations, inTurn: new InTurn(), ending: ending.signal };
  keeper.hooks = new AutomaticSnapshots(snapshots);
  const templates = new Templates(room, pools);
  const pausing = new Pausing(snapshots);
  const sessions = new Sessions(room, { templates, keeper, isolations, pools, pausing });
  const executions = new Executions(room, registry);
  return {
    templates,
    sessions,
    executions,
    snapshots: new Snapshots(snapshots),
    isolations: (asked) => isolations.all(asked),
    pools,
    recover: async () => {
      const report = await recoverSessions({ room, keeper, pausing });
      await pools.begin(templates);
      return report;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await pools[Symbol.asyncDispose]();
      pausing[Symbol.dispose]();
      await snapshots.inTurn.idle();
      await keeper.letGo();
    },
  };
}
