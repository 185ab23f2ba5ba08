import type { ContextStore, TakenBack } from "../context/index.ts";
import type { JsonValue, Restore, SnapshotFact } from "../engine/index.ts";
import type { Sandboxes } from "./sandboxes.ts";

/**
 * What a rollback takes back beside the journal, for the engine's `onRollback`: sandboxes are closed, since the next step makes them again from what was kept; what the run, and the runs that it had
 * started since, wrote in the context store is taken back. Doing it twice comes to the same.
 */
export function takeBack(sandboxes: Pick<Sandboxes, "closeAll">, context: ContextStore): Restore {
  return async ({ tenantId, id }, snapshots, { descendants, signal }) => {
    // First what works in them: from then on nobody of the run writes.
    await Promise.all([id, ...descendants].map((run) => sandboxes.closeAll(tenantId, run)));
    const all = [await context.takeBack(tenantId, id, revisionOf(snapshots), signal)];
    for (const run of descendants) all.push(await context.takeBack(tenantId, run, 0, signal));
    return { context: joined(all) };
  };
}

const MAX_CONFLICTS = 100;

function joined(all: readonly TakenBack[]): JsonValue {
  const conflicts = all.flatMap((one) => one.conflicts).slice(0, MAX_CONFLICTS);
  return {
    documents: all.reduce((sum, { documents }) => sum + documents, 0),
    kept: all.reduce((sum, { kept }) => sum + kept, 0),
    conflicts: conflicts.map(({ path, ...conflict }) => ({ ...conflict, ...(path !== undefined && { path }) })),
  };
}

/** What the run wrote up to there holds; 0: nothing does. Facts of steps side by side may come in any order, and all hold. */
function revisionOf(snapshots: readonly SnapshotFact[]): number {
  return snapshots.reduce((last, { payload: { contextRevision: at } }) => Math.max(last, Number(at ?? 0)), 0);
}
