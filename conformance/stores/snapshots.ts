import { expect, test } from "vitest";
import type { Snapshot } from "../../packages/glovebox/src/core/index.ts";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import { aSession, INTERNALS, OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

const MANY = { maxCount: 100 };

function aSnapshot(sessionId: string, change: Partial<Snapshot> = {}): Snapshot {
  return {
    id: newId(),
    tenantId: TENANT,
    sessionId,
    kind: "files",
    isolation: "bubblewrap",
    origin: "manual",
    bytes: 100,
    storedBytes: 10,
    createdAt: "2026-11-20T10:00:00.000Z",
    ...change,
  };
}

export function snapshotConformance(make: MakeSubject): void {
  test("snapshots are kept, listed newest first, each tenant's apart, and their bytes summed", async () => {
    await using subject = await make();
    const session = aSession();
    const [one, two] = [aSnapshot(session.id, { name: "é'" }), aSnapshot(session.id, { storedBytes: 5 })];
    {
      await using store = await subject.open();
      await store.sessions.create(session, INTERNALS);
      await store.snapshots.create(one, MANY);
      await store.snapshots.create(two, MANY);
      await expect(store.snapshots.create(aSnapshot(newId()), MANY)).rejects.toMatchObject({ code: "not_found" });
      await expect(store.snapshots.create(two, MANY)).rejects.toMatchObject({ code: "already_exists" });
    }
    await using store = await subject.open();
    expect(await store.snapshots.get(TENANT, one.id)).toEqual(one);
    expect(await store.snapshots.get(OTHER_TENANT, one.id)).toBeUndefined();
    expect((await store.snapshots.list(TENANT, session.id)).items).toEqual([two, one]);
    expect((await store.snapshots.list(OTHER_TENANT, session.id)).items).toEqual([]);
    const first = await store.snapshots.list(TENANT, session.id, { limit: 1 });
    const cursor = first.nextCursor ?? "";
    expect((await store.snapshots.list(TENANT, session.id, { limit: 1, cursor })).items).toEqual([one]);
    expect(await store.snapshots.all(session.id)).toEqual([one, two]);
    expect(await store.snapshots.storedBytes(TENANT)).toBe(15);
    expect(await store.snapshots.storedBytes(OTHER_TENANT)).toBe(0);
    expect(await store.snapshots.storedBytes()).toBe(15);
    expect(await store.sessions.internals(session.id)).toEqual({ ...INTERNALS, snapshotId: two.id });
  });

  test("a session has no more than it may, and they go with it", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, () => store.snapshots.create(aSnapshot(session.id), { maxCount: 2 })),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(made.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "resource_exhausted" } });
    await store.sessions.delete(TENANT, session.id);
    expect(await store.snapshots.all(session.id)).toEqual([]);
    expect(await store.snapshots.storedBytes()).toBe(0);
  });

  test("one that is deleted leaves its children to its parent, and its shared bytes to its heir", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const root = aSnapshot(session.id);
    const middle = aSnapshot(session.id, { parentId: root.id });
    const leaf = aSnapshot(session.id, { parentId: middle.id });
    for (const snapshot of [root, middle, leaf]) await store.snapshots.create(snapshot, MANY);
    const stranger = { ...middle, tenantId: OTHER_TENANT };
    expect(await store.snapshots.delete(middle, { id: leaf.id, moreStoredBytes: 7 })).toBe(true);
    expect(await store.snapshots.delete(stranger)).toBe(false);
    expect(await store.snapshots.all(session.id)).toEqual([root, { ...leaf, parentId: root.id, storedBytes: 17 }]);
    expect(await store.snapshots.delete(leaf)).toBe(true);
    expect((await store.sessions.internals(session.id))?.snapshotId).toBe(root.id);
    expect(await store.snapshots.delete(root)).toBe(true);
    expect(await store.sessions.internals(session.id)).toEqual(INTERNALS);
  });
}
