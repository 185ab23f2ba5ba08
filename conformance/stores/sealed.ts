import { expect, test } from "vitest";
import type { NewSealedSecret } from "../../packages/glovebox/src/store/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

const AT = "2026-11-20T10:00:00.000Z";
const LATER = "2026-11-21T10:00:00.000Z";
const MAX = { max: 100 };

function aSecret(name: string, change: Partial<NewSealedSecret> = {}): NewSealedSecret {
  const sealed = new Uint8Array([0, 255, 1, ...Buffer.from(name)]);
  return { tenantId: TENANT, name, hosts: ["api.example.com"], sealed, keyId: "k1", ...change };
}

export function secretConformance(make: MakeSubject): void {
  test("a secret is kept byte for byte, replaced under its name with the next version, listed by name, deleted", async () => {
    await using subject = await make();
    const made = aSecret("B");
    {
      await using store = await subject.open();
      expect(await store.secrets.put(made, { at: AT, ...MAX })).toEqual({
        ...made,
        sealed: made.sealed,
        version: 1,
        createdAt: AT,
        updatedAt: AT,
      });
      const again = aSecret("B", {
        hosts: ["*.example.org:8443"],
        sealed: new Uint8Array(70_000).fill(7),
        keyId: "k2",
      });
      expect(await store.secrets.put(again, { at: LATER, ...MAX })).toMatchObject({
        hosts: again.hosts,
        version: 2,
        createdAt: AT,
        updatedAt: LATER,
      });
      await store.secrets.put(aSecret("A"), { at: AT, ...MAX });
      await store.secrets.put(aSecret("B", { tenantId: OTHER_TENANT }), { at: AT, ...MAX });
    }
    await using store = await subject.open();
    const all = await store.secrets.list(TENANT);
    expect(all.map(({ name, version, keyId }) => [name, version, keyId])).toEqual([
      ["A", 1, "k1"],
      ["B", 2, "k2"],
    ]);
    expect(Buffer.from(all[1]?.sealed ?? []).equals(Buffer.alloc(70_000, 7))).toBe(true);
    expect((await store.secrets.list(TENANT, ["B", "none", "'"])).map(({ name }) => name)).toEqual(["B"]);
    expect(await store.secrets.list(TENANT, [])).toEqual([]);
    expect((await store.secrets.keyIds()).toSorted()).toEqual(["k1", "k2"]);
    expect(await store.secrets.delete(TENANT, "B")).toBe(true);
    expect(await store.secrets.delete(TENANT, "B")).toBe(false);
    expect(await store.secrets.list(OTHER_TENANT)).toHaveLength(1);
  });

  test("a tenant has no more than it may, however many come at once; replacing is always possible", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const put = (name: string, tenantId = TENANT) =>
      store.secrets.put(aSecret(name, { tenantId }), { at: AT, max: 3 }).then(
        () => "kept",
        (error: { code: string }) => error.code,
      );
    const outcomes = await Promise.all(["A", "B", "C", "D", "E"].map((name) => put(name)));
    expect(outcomes.filter((outcome) => outcome === "kept")).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === "resource_exhausted")).toHaveLength(2);
    const [kept] = await store.secrets.list(TENANT);
    expect(await put(kept?.name ?? "")).toBe("kept");
    expect(await put("A", OTHER_TENANT)).toBe("kept");
  });

  test("another key takes over only what has not changed since it was read", async () => {
    await using subject = await make();
    await using store = await subject.open();
    for (const name of ["A", "B", "C"]) await store.secrets.put(aSecret(name), { at: AT, ...MAX });
    await store.secrets.put(aSecret("D", { keyId: "k2", tenantId: OTHER_TENANT }), { at: AT, ...MAX });
    expect(await store.secrets.underOtherKey("k1", 10)).toHaveLength(1);
    expect(await store.secrets.underOtherKey("k2", 2)).toHaveLength(2);
    const [a, b, c] = await store.secrets.list(TENANT);
    if (a === undefined || b === undefined || c === undefined) throw new Error("three were kept");
    await store.secrets.put(aSecret("B", { sealed: new Uint8Array([9]) }), { at: LATER, ...MAX });
    await store.secrets.delete(TENANT, "C");
    const sealed = new Uint8Array([1, 2, 3]);
    expect(await Promise.all([a, b, c].map((old) => store.secrets.reseal(old, sealed, "k2")))).toEqual([
      true,
      false,
      false,
    ]);
    expect(await store.secrets.list(TENANT, ["A"])).toMatchObject([{ keyId: "k2", version: 1, updatedAt: AT }]);
    expect(await store.secrets.reseal(a, sealed, "k2")).toBe(false);
  });

  test("an authority is one a tenant, replaced and resealed", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const one = { tenantId: TENANT, sealed: new Uint8Array([1, 0, 255]), keyId: "k1", notAfterMs: 5 };
    expect(await store.authorities.get(TENANT)).toBeUndefined();
    await store.authorities.put({ ...one, notAfterMs: 4 });
    await store.authorities.put(one);
    await store.authorities.put({ ...one, tenantId: OTHER_TENANT, keyId: "k2" });
    expect(await store.authorities.get(TENANT)).toEqual({ ...one, sealed: Buffer.from(one.sealed) });
    const [other] = await store.authorities.underOtherKey("k2", 10);
    if (other === undefined) throw new Error("one is under another key");
    expect(other.tenantId).toBe(TENANT);
    expect(await store.authorities.reseal(other, new Uint8Array([2]), "k2")).toBe(true);
    expect(await store.authorities.reseal(other, new Uint8Array([3]), "k2")).toBe(false);
    expect(await store.authorities.keyIds()).toEqual(["k2"]);
  });
}
