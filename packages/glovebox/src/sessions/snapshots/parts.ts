import type { Isolations } from "../lifecycle/isolations.ts";
import type { SessionKeeper } from "../lifecycle/session-keeper.ts";
import type { Room } from "../room.ts";
import type { InTurn } from "./in-turn.ts";

/** What the work on snapshots is given. */
export interface SnapshotParts {
  readonly room: Room;
  readonly keeper: SessionKeeper;
  readonly isolations: Isolations;
  /** By session. */
  readonly inTurn: InTurn;
  /** Aborts when the server shuts down. */
  readonly ending: AbortSignal;
}
