import type { Logger } from "../../core/index.ts";
import type { UidRange } from "../bubblewrap/uid-range.ts";
import type { SupervisorPool } from "../supervisor/index.ts";
import type { PreparedHost } from "./prepare-host.ts";

/** What all sandboxes of one driver share. */
export interface Room {
  readonly runDir: string;
  readonly host: PreparedHost;
  readonly pool: SupervisorPool;
  readonly uids: UidRange;
  /** Names of run folders that are in use: ids of sandboxes, and of restores that wait. */
  readonly live: Set<string>;
  readonly logger: Logger;
}
