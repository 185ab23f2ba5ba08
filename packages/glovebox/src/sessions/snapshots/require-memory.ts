import { GloveboxError, type Snapshot } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import type { SnapshotParts } from "./parts.ts";

/**
 * Copies of memory are refused before one is made where the machine has not as much as each holds now, whatever the quotas say. What they would
 * share is counted as if each changed it. Errors: `resource_exhausted`.
 */
export async function requireMemory(
  { room, isolations, ending }: SnapshotParts,
  source: LiveSession | Snapshot,
  count: number,
): Promise<void> {
  const each = await heldBytes(isolations, source, ending);
  const free = room.freeMemoryBytes();
  if (each * count <= free) return;
  throw new GloveboxError(
    "resource_exhausted",
    `${count} copies of ${each} bytes of memory are more than the ${free} bytes that this machine has left`,
    { details: { quota: "memory", asked: each * count, limit: free } },
  );
}

async function heldBytes(
  isolations: SnapshotParts["isolations"],
  source: LiveSession | Snapshot,
  signal: AbortSignal,
): Promise<number> {
  if ("bytes" in source) return source.kind === "memory" ? source.storedBytes : 0;
  const { fork } = await isolations.require(source.row.isolation);
  return fork === "memory" ? (await source.bench.sandbox.stats(signal)).memoryBytes : 0;
}
