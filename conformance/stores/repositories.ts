import { expect, test } from "vitest";
import { newId, type Repository } from "../../packages/glovebox/src/core/index.ts";
import { repositoryScope } from "../../packages/glovebox/src/store/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

const AT = "2026-11-20T10:00:00.000Z";
const LATER = "2026-11-21T10:00:00.000Z";

function aRepository(change: Partial<Repository> = {}): Repository {
  return {
    id: newId(),
    tenantId: TENANT,
    forge: "github",
    fullName: "Acme/Box",
    cloneUrl: "https://git.example.org/Acme/Box.git",
    defaultBranch: "main",
    credentials: "none",
    labels: {},
    createdAt: AT,
    updatedAt: AT,
    ...change,
  };
}

export function repositoryConformance(make: MakeSubject): void {
  test("a repository is kept, found by id, by name and by who it may be for, changed, and is there once", async () => {
    await using subject = await make();
    const [mine, theirs] = [aRepository(), aRepository({ tenantId: OTHER_TENANT, fullName: "acme/box" })];
    const gitea = aRepository({ forge: "gitea" });
    {
      await using store = await subject.open();
      for (const one of [mine, theirs, gitea]) await store.repositories.create(one);
      await expect(store.repositories.create(aRepository({ fullName: "aCME/bOX" }))).rejects.toMatchObject({
        code: "already_exists",
      });
    }
    await using store = await subject.open();
    const { repositories } = store;
    expect(await repositories.get(TENANT, mine.id)).toEqual(mine);
    expect(await repositories.get(OTHER_TENANT, mine.id)).toBeUndefined();
    expect(await repositories.byName(TENANT, "ACME/BOX")).toEqual([gitea, mine]);
    expect(await repositories.named("github", "acme/BOX")).toEqual([mine, theirs]);
    expect((await repositories.all()).map(({ id }) => id)).toEqual([mine.id, theirs.id, gitea.id]);
    const first = await repositories.list(TENANT, { limit: 1 });
    expect(first.items).toEqual([gitea]);
    expect((await repositories.list(TENANT, { limit: 1, cursor: first.nextCursor ?? "" })).items).toEqual([mine]);
    const changed = { ...mine, labels: { "ubuntu-latest": "linux" }, maxConcurrentJobs: 3 };
    expect(await repositories.put(changed)).toBe(true);
    expect(await repositories.put({ ...changed, tenantId: OTHER_TENANT })).toBe(false);
    expect(await repositories.get(TENANT, mine.id)).toEqual(changed);
    await expect(repositories.put({ ...gitea, forge: "github" })).rejects.toMatchObject({ code: "already_exists" });
  });

  test("with a repository go its sealed values and deliveries, and nobody else's", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [mine, other] = [aRepository(), aRepository({ fullName: "acme/other" })];
    for (const one of [mine, other]) {
      await store.repositories.create(one);
      await store.sealedValues.put(aValue(`${repositoryScope(one.id)}secrets`, "A"), { at: AT, max: 5 });
      await store.deliveries.begin(aDelivery(one.id, "d1", 1), 0);
    }
    expect(await store.repositories.delete(OTHER_TENANT, mine.id)).toBe(false);
    expect(await store.deliveries.pending(10)).toHaveLength(2);
    expect(await store.repositories.delete(TENANT, mine.id)).toBe(true);
    expect(await store.repositories.delete(TENANT, mine.id)).toBe(false);
    expect((await store.deliveries.pending(10)).map(({ repositoryId }) => repositoryId)).toEqual([other.id]);
    expect(await store.sealedValues.scopes(TENANT, "repository/")).toEqual([`${repositoryScope(other.id)}secrets`]);
  });

  test("a sealed value is kept byte for byte in its scope, replaced, counted, given another key, deleted", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const { sealedValues } = store;
    const put = (scope: string, name: string, max = 2) => sealedValues.put(aValue(scope, name), { at: AT, max });
    expect(await put("s/a", "ONE")).toEqual({ ...aValue("s/a", "ONE"), version: 1, createdAt: AT, updatedAt: AT });
    await put("s/a", "TWO");
    await expect(put("s/a", "THREE")).rejects.toMatchObject({ code: "resource_exhausted" });
    const again = { ...aValue("s/a", "ONE"), sealed: new Uint8Array(50_000).fill(9), keyId: "k2" };
    expect(await sealedValues.put(again, { at: LATER, max: 2 })).toMatchObject({ version: 2, updatedAt: LATER });
    await put("s/ab", "ONE");
    await sealedValues.put({ ...aValue("s/a", "ONE"), tenantId: OTHER_TENANT }, { at: AT, max: 2 });
    expect((await sealedValues.list(TENANT, "s/a")).map(({ name, version }) => [name, version])).toEqual([
      ["ONE", 2],
      ["TWO", 1],
    ]);
    expect(await sealedValues.scopes(TENANT, "s/a")).toEqual(["s/a", "s/ab"]);
    expect(await sealedValues.scopes(TENANT, "%")).toEqual([]);
    expect((await sealedValues.keyIds()).toSorted()).toEqual(["k1", "k2"]);
    const [old] = await sealedValues.underOtherKey("k1", 10);
    if (old === undefined) throw new Error("one is under k2");
    expect(await sealedValues.reseal({ ...old, version: 1 }, new Uint8Array([1]), "k1")).toBe(false);
    expect(await sealedValues.reseal(old, new Uint8Array([1, 2]), "k1")).toBe(true);
    expect([...((await sealedValues.list(TENANT, "s/a"))[0]?.sealed ?? [])]).toEqual([1, 2]);
    expect(await sealedValues.delete(TENANT, "s/a", "ONE")).toBe(true);
    expect(await sealedValues.delete(TENANT, "s/a", "ONE")).toBe(false);
  });

  test("a delivery is taken once, also by a later server; its body goes when its work is done, its id later", async () => {
    await using subject = await make();
    const id = newId();
    {
      await using store = await subject.open();
      const taken = await Promise.all([1, 2, 3].map(() => store.deliveries.begin(aDelivery(id, "d1", 10), 0)));
      expect(taken.toSorted()).toEqual([false, false, true]);
      expect(await store.deliveries.begin(aDelivery(newId(), "d1", 11), 0)).toBe(true);
    }
    await using store = await subject.open();
    expect(await store.deliveries.begin(aDelivery(id, "d1", 20), 0)).toBe(false);
    const [pending] = await store.deliveries.pending(10);
    expect({ ...pending, body: [...(pending?.body ?? [])] }).toEqual({ ...aDelivery(id, "d1", 10), body: [0, 1, 255] });
    await store.deliveries.end(id, "d1", "done");
    expect((await store.deliveries.pending(10)).map((one) => one.receivedAtMs)).toEqual([11]);
    expect(await store.deliveries.pending(0)).toEqual([]);
    expect(await store.deliveries.begin(aDelivery(id, "d1", 30), 0)).toBe(false);
    // Past its time it is forgotten; what is not done never is.
    expect(await store.deliveries.begin(aDelivery(id, "d2", 40), 35)).toBe(true);
    expect(await store.deliveries.begin(aDelivery(id, "d1", 50), 35)).toBe(true);
    expect(await store.deliveries.pending(10)).toHaveLength(3);
  });

  test("what was reported of a run is kept until it is replaced, and found again while it is not done", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [a, b] = [newId(), newId()];
    await store.reports.put({ runId: b, tenantId: TENANT, state: { comment: 1 }, done: false });
    await store.reports.put({ runId: a, tenantId: TENANT, state: {}, done: false });
    expect((await store.reports.unfinished()).map(({ runId }) => runId)).toEqual([a, b]);
    await store.reports.put({ runId: b, tenantId: TENANT, state: { comment: 2 }, done: true });
    expect((await store.reports.unfinished()).map(({ runId }) => runId)).toEqual([a]);
    expect(await store.reports.get(b)).toEqual({ runId: b, tenantId: TENANT, state: { comment: 2 }, done: true });
    expect(await store.reports.get(newId())).toBeUndefined();
  });
}

function aValue(scope: string, name: string) {
  return { tenantId: TENANT, scope, name, sealed: new Uint8Array([0, 255, 1]), keyId: "k1" };
}

function aDelivery(repositoryId: string, id: string, receivedAtMs: number) {
  return { repositoryId, tenantId: TENANT, id, event: "push", receivedAtMs, body: new Uint8Array([0, 1, 255]) };
}
