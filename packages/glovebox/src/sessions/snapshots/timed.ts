import { type Isolation, type Timed, timing } from "../../core/index.ts";
import type { Room } from "../room.ts";

/** Does a piece of work on snapshots, and tells the figures of it. */
export function timed<T>(
  { metrics }: Room,
  action: Timed["snapshot"]["action"],
  isolation: Isolation,
  work: () => Promise<T>,
): Promise<T> {
  return timing(work, (ms, outcome) => metrics.timed("snapshot", ms, { action, isolation, outcome }));
}
