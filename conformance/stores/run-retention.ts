import { expect, test } from "vitest";
import type { Run } from "../../packages/glovebox/src/core/index.ts";
import type { RetentionPolicy, Store } from "../../packages/glovebox/src/store/index.ts";
import { TENANT } from "./entities.ts";
import { aRun, row } from "./runs.ts";
import { DAY_MS, type MakeSubject } from "./subject.ts";

const FOR_EVER: RetentionPolicy = { events: null, executions: null, closedSessions: null, runs: null };
const NOW_MS = Date.UTC(2026, 5, 3, 12);
const HOUR_MS = 3_600_000;

function endedDaysAgo(days: number): Pick<Run, "status" | "endedAt"> {
  return { status: "completed", endedAt: new Date(NOW_MS - days * DAY_MS).toISOString() };
}

async function kept(store: Store, runs: Readonly<Record<string, Run>>): Promise<string[]> {
  const found: string[] = [];
  for (const [name, { id }] of Object.entries(runs))
    if ((await store.runs.get(TENANT, id)) !== undefined) found.push(name);
  return found;
}

/** Pages of a journal until there are none. */
async function countRecords(store: Store, runId: string): Promise<number> {
  let count = 0;
  for (let seq = 0; ; ) {
    const rows = await store.runs.read(runId, { afterSeq: seq, limit: 10_000 });
    if (rows.length === 0) return count;
    count += rows.length;
    seq = rows.at(-1)?.seq ?? seq;
  }
}

export function runRetentionConformance(make: MakeSubject): void {
  test("ended runs go with their journals; unfinished ones, their children and what was imported stay", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const parent = aRun({ status: "waiting" });
    const runs = {
      old: aRun(endedDaysAgo(11)),
      recent: aRun(endedDaysAgo(9)),
      waiting: parent,
      child: aRun({ ...endedDaysAgo(11), parentId: parent.id }),
      orphan: aRun({ ...endedDaysAgo(11), status: "failed", parentId: aRun().id }),
      imported: aRun({ ...endedDaysAgo(500), imported: true }),
    };
    for (const run of Object.values(runs)) await store.runs.create(run, [row(1), row(2)]);
    await store.maintenance.setRetention(FOR_EVER);
    expect((await store.maintenance.sweep({ dryRun: false, nowMs: NOW_MS })).runs).toBe(0);
    await store.maintenance.setRetention({ ...FOR_EVER, runs: 10 });
    expect((await store.maintenance.sweep({ dryRun: true, nowMs: NOW_MS })).runs).toBe(2);
    expect(await kept(store, runs)).toHaveLength(6);
    expect((await store.maintenance.sweep({ dryRun: false, nowMs: NOW_MS })).runs).toBe(2);
    expect(await kept(store, runs)).toEqual(["recent", "waiting", "child", "imported"]);
    expect(await countRecords(store, runs.old.id)).toBe(0);
    expect(await countRecords(store, runs.child.id)).toBe(2);
    await store.runs.append(parent.id, { seq: 2, hash: "h2" }, [], {
      status: "completed",
      endedAt: runs.recent.endedAt,
    });
    expect((await store.maintenance.sweep({ dryRun: false, nowMs: NOW_MS })).runs).toBe(1);
    expect(await kept(store, runs)).toEqual(["recent", "waiting", "imported"]);
  });

  test("a long journal that was being removed when the process ended is removed by the next one", async () => {
    await using subject = await make();
    const run = aRun(endedDaysAgo(11));
    let left = Number.POSITIVE_INFINITY;
    const before = (kind: string) => {
      if (kind !== "retention") return;
      left -= 1;
      if (left < 0) throw new Error("the process ends here");
    };
    {
      await using store = await subject.open({ faults: { before } });
      await store.runs.create(
        run,
        Array.from({ length: 5000 }, (_, i) => row(i + 1)),
      );
      await store.maintenance.setRetention({ ...FOR_EVER, runs: 10 });
      left = 2;
      await expect(store.maintenance.sweep({ dryRun: false, nowMs: NOW_MS })).rejects.toMatchObject({
        code: "store_failed",
      });
      expect(await store.runs.get(TENANT, run.id)).toBeUndefined();
      const rest = await countRecords(store, run.id);
      expect(rest).toBeGreaterThan(0);
      expect(rest).toBeLessThan(5000);
    }
    await using store = await subject.open();
    await expect.poll(() => countRecords(store, run.id), { timeout: 10_000 }).toBe(0);
  });

  test("a payload in a blob goes when no record has it any more, and not at once", async () => {
    await using subject = await make();
    await using store = await subject.open();
    await store.maintenance.setRetention(FOR_EVER);
    const shared = await store.blobs.put(Buffer.from("shared"));
    const own = await store.blobs.put(Buffer.from("own"));
    const other = await store.blobs.put(Buffer.from("of something else"));
    const inBlob = (seq: number, payloadHash: string) => row(seq, { place: "blob", payload: null, payloadHash });
    const [first, second] = [aRun(), aRun()];
    await store.runs.create(first, [inBlob(1, shared.hash), inBlob(2, own.hash)]);
    await store.runs.create(second, [inBlob(1, shared.hash), inBlob(2, shared.hash)]);
    const sweepIn = async (hours: number) => {
      await store.maintenance.sweep({ dryRun: false, nowMs: Date.now() + hours * HOUR_MS });
      return [await store.blobs.has(shared.hash), await store.blobs.has(own.hash), await store.blobs.has(other.hash)];
    };
    await store.runs.delete(TENANT, first.id);
    expect(await sweepIn(0)).toEqual([true, true, true]);
    expect(await sweepIn(2)).toEqual([true, false, true]);
    await store.runs.erase(second.id, 1);
    expect(await sweepIn(2)).toEqual([true, false, true]);
    await store.runs.erase(second.id, 2);
    expect(await sweepIn(0)).toEqual([true, false, true]);
    expect(await sweepIn(2)).toEqual([false, false, true]);
    expect(await countRecords(store, second.id)).toBe(2);
  });
}
