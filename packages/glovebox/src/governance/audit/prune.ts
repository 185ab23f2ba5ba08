import { setImmediate as nextTurn } from "node:timers/promises";
import type { AuditEntry } from "../../core/index.ts";
import type { AuditStore } from "../../store/index.ts";
import { toCheckpoint } from "./record.ts";

const DAY_MS = 86_400_000;
const BATCH = 1000;

export interface PruneOptions {
  readonly store: AuditStore;
  /** Takes the entry that says what went, so that the chain itself vouches for its checkpoint. */
  readonly record: (entry: AuditEntry) => void;
  readonly nowMs: number;
  readonly retentionDays: number;
}

/** Removes the old end of every chain, a batch at a time, each behind a checkpoint. */
export async function pruneExpired(options: PruneOptions): Promise<number> {
  let count = 0;
  for (const tenantId of await options.store.tenants()) count += await pruneTenant(options, tenantId);
  return count;
}

async function pruneTenant({ store, record, nowMs, retentionDays }: PruneOptions, tenantId: string): Promise<number> {
  const expired = () => store.lastExpired(tenantId, { beforeMs: nowMs - retentionDays * DAY_MS, limit: BATCH });
  let count = 0;
  let newest = await expired();
  let last = newest;
  while (newest !== undefined) {
    count += await store.prune(toCheckpoint(newest, nowMs));
    last = newest;
    await nextTurn();
    newest = await expired();
  }
  if (last !== undefined) {
    record({
      tenantId,
      principal: "server",
      action: "audit.prune",
      resource: { kind: "audit" },
      decision: "allow",
      reasons: [
        `entries up to ${last.seq} were past ${retentionDays} days`,
        `the last of them had the hash ${last.hash}`,
      ],
    });
  }
  return count;
}
