import { GloveboxError } from "../../core/index.ts";
import type { Room } from "../room.ts";

const MIB = 1 << 20;

/** Errors: `resource_exhausted` when `more` bytes would pass what the tenant's snapshots, or all, may take on disk. */
export async function checkSnapshotQuota(room: Room, tenantId: string, more: number): Promise<void> {
  const { tenant, host } = room.quotas;
  await check("tenant", tenant.snapshotMb, more, () => room.store.snapshots.storedBytes(tenantId));
  await check("host", host.snapshotMb, more, () => room.store.snapshots.storedBytes());
}

async function check(
  owner: string,
  limitMb: number | undefined,
  more: number,
  used: () => Promise<number>,
): Promise<void> {
  if (limitMb === undefined) return;
  const bytes = await used();
  if (bytes + more <= limitMb * MIB) return;
  const message = `the ${owner}'s quota on snapshots is used up: ${bytes} bytes of ${limitMb} MiB, and ${more} more`;
  throw new GloveboxError("resource_exhausted", message, {
    details: { owner, quota: "snapshotMb", used: bytes, asked: more, limit: limitMb * MIB },
  });
}
