import type { Clock, Isolation, Logger, Metrics, Outside, Redactor } from "../core/index.ts";
import type { IsolationDriver } from "../sandbox/index.ts";
import type { Store } from "../store/index.ts";
import type { LibraryCache } from "./libraries/library-cache.ts";
import type { Quotas } from "./lifecycle/quota-ledger.ts";
import type { PackageLayers } from "./packages/package-layers.ts";

/** What every part of this room is given. */
export interface Room {
  readonly store: Store;
  readonly drivers: ReadonlyMap<Isolation, IsolationDriver>;
  /** Workspaces and the cache of libraries are kept here. */
  readonly dataDir: string;
  /** Who runs the sessions, where there are many servers. */
  readonly nodeId: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly redactor: Redactor | undefined;
  readonly clock: Clock;
  readonly quotas: Quotas;
  readonly libraries: LibraryCache;
  readonly layers: PackageLayers;
  /** Absent: sandboxes have no network. */
  readonly outside: Outside | undefined;
  /** What this machine has left. */
  readonly freeMemoryBytes: () => number;
}
