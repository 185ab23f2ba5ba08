import { expect, test } from "vitest";
import { newId, type SessionStatus } from "../../packages/glovebox/src/core/index.ts";
import { aSession, aTemplate, INTERNALS, OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

export function templateConformance(make: MakeSubject): void {
  test("a template is found by id and by name, by its tenant only, and reads back unchanged", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const template = aTemplate({ name: "py" });
    await store.templates.create(template);
    expect(await store.templates.get(TENANT, template.id)).toEqual(template);
    expect(await store.templates.get(TENANT, "py")).toEqual(template);
    expect(await store.templates.get(OTHER_TENANT, template.id)).toBeUndefined();
    expect(await store.templates.get(OTHER_TENANT, "py")).toBeUndefined();
    await expect(store.templates.create(aTemplate({ name: "py" }))).rejects.toMatchObject({ code: "already_exists" });
    await store.templates.create(aTemplate({ name: "py", tenantId: OTHER_TENANT }));
    await expect(store.templates.create(aTemplate({ id: "../../x" }))).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("a template whose name looks like an id is found by it", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const template = aTemplate({ name: newId() });
    await store.templates.create(template);
    expect((await store.templates.get(TENANT, template.name))?.id).toBe(template.id);
  });

  test("versions are added one after the other and all stay readable", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const first = aTemplate({ name: "one" });
    await store.templates.create(first);
    await store.templates.create(aTemplate({ name: "taken" }));
    const second = { ...first, version: 2, name: "two", isolation: "isolate" as const };
    await store.templates.addVersion(second);
    await expect(store.templates.addVersion(second)).rejects.toMatchObject({ code: "version_conflict" });
    await expect(store.templates.addVersion({ ...second, version: 4 })).rejects.toMatchObject({
      code: "version_conflict",
    });
    await expect(store.templates.addVersion({ ...second, version: 3, name: "taken" })).rejects.toMatchObject({
      code: "already_exists",
    });
    await expect(store.templates.addVersion(aTemplate({ version: 2 }))).rejects.toMatchObject({ code: "not_found" });
    expect(await store.templates.get(TENANT, first.id)).toEqual(second);
    expect(await store.templates.get(TENANT, "one")).toBeUndefined();
    expect(await store.templates.get(TENANT, "two", 1)).toEqual(first);
    expect(await store.templates.get(TENANT, first.id, 3)).toBeUndefined();
  });

  test("of writers that add the same version at once exactly one succeeds", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const template = aTemplate();
    await store.templates.create(template);
    const tries = Array.from({ length: 8 }, (_, i) =>
      store.templates.addVersion({ ...template, version: 2, env: { WHO: String(i) } }),
    );
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("the list pages from newest to oldest, filters, and refuses a cursor that is not its own", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const made = Array.from({ length: 7 }, (_, i) => aTemplate({ isolation: i % 2 === 0 ? "bubblewrap" : "isolate" }));
    for (const template of made) await store.templates.create(template);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.templates.list(TENANT, { limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(made.map(({ id }) => id).reverse());
    expect((await store.templates.list(TENANT, { isolation: "isolate" })).items).toHaveLength(3);
    expect((await store.templates.list(TENANT, { name: made[0]?.name ?? "" })).items).toEqual([made[0]]);
    expect(await store.templates.list(OTHER_TENANT)).toEqual({ items: [] });
    for (const bad of ["", "x", "%%%", "MTp4", Buffer.from("1:../x").toString("base64url")]) {
      await expect(store.templates.list(TENANT, { cursor: bad })).rejects.toMatchObject({ code: "invalid_argument" });
    }
    for (const limit of [0, -1, 1001, 1.5, Number.NaN]) {
      await expect(store.templates.list(TENANT, { limit })).rejects.toMatchObject({ code: "invalid_argument" });
    }
  });

  test("templates that want a pool are found in every tenant, in their newest version, until they are deleted", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const pool = { min: 0, max: 2, refillConcurrency: 1 };
    const none = { ...pool, max: 0 };
    const mine = aTemplate({ name: "mine", pool });
    const grown = { ...mine, version: 2, pool: { ...pool, max: 3 } };
    const others = aTemplate({ name: "others", tenantId: OTHER_TENANT, pool });
    const ended = aTemplate({ name: "ended", pool });
    const gone = aTemplate({ name: "gone", pool });
    for (const template of [mine, others, ended, gone, aTemplate({ name: "never", pool: none })]) {
      await store.templates.create(template);
    }
    await store.templates.addVersion(grown);
    await store.templates.addVersion({ ...ended, version: 2, pool: none });
    await store.templates.delete(TENANT, gone.id);
    const found = await store.templates.pooled();
    expect([...found].sort((a, b) => a.name.localeCompare(b.name))).toEqual([grown, others]);
  });

  test("a template with live sessions is not deleted; a deleted one is gone but for its versions", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const template = aTemplate({ name: "used" });
    await store.templates.create(template);
    const session = aSession({ templateId: template.id, status: "starting" });
    await store.sessions.create(session, INTERNALS);
    for (const status of ["starting", "ready", "paused", "closing"] satisfies SessionStatus[]) {
      await store.sessions.update(TENANT, session.id, { status });
      await expect(store.templates.delete(TENANT, template.id)).rejects.toMatchObject({ code: "template_in_use" });
    }
    await store.sessions.update(TENANT, session.id, { status: "closed" });
    expect(await store.templates.delete(OTHER_TENANT, template.id)).toBe(false);
    expect(await store.templates.delete(TENANT, template.id)).toBe(true);
    expect(await store.templates.delete(TENANT, template.id)).toBe(false);
    expect(await store.templates.get(TENANT, template.id)).toBeUndefined();
    expect(await store.templates.get(TENANT, template.id, 1)).toEqual(template);
    expect((await store.templates.list(TENANT)).items).toEqual([]);
    await expect(store.sessions.create(aSession({ templateId: template.id }), INTERNALS)).rejects.toMatchObject({
      code: "not_found",
    });
    const successor = aTemplate({ name: "used" });
    await store.templates.create(successor);
    expect((await store.templates.get(TENANT, "used", 1))?.id).toBe(successor.id);
  });
}
