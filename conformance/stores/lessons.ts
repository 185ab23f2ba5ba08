import { expect, test } from "vitest";
import type { Lesson } from "../../packages/glovebox/src/core/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

function aLesson(id: string, change: Partial<Lesson> = {}): Lesson {
  return {
    id,
    tenantId: TENANT,
    kind: "lesson",
    repository: "acme/one",
    workflow: ".github/workflows/test.yml",
    job: "test",
    step: "npm test",
    exitCode: 1,
    pattern: "error: N é'",
    example: "error: 7 é'",
    failures: 1,
    successesSince: 0,
    evidence: [{ runId: "r", atMs: 1 }],
    counted: ["r"],
    firstSeenAtMs: 1,
    lastSeenAtMs: 1,
    ...change,
  };
}

export function lessonConformance(make: MakeSubject): void {
  test("lessons are kept by tenant and repository, replaced, listed seen last first, deleted", async () => {
    await using subject = await make();
    const [one, two] = [aLesson("one", { lastSeenAtMs: 5 }), aLesson("two", { lastSeenAtMs: 9 })];
    {
      await using store = await subject.open();
      await store.lessons.put(one, { max: 10 });
      await store.lessons.put(two, { max: 10 });
      await store.lessons.put(aLesson("elsewhere", { repository: "acme/two" }), { max: 10 });
      await store.lessons.put(aLesson("one", { tenantId: OTHER_TENANT }), { max: 10 });
    }
    await using store = await subject.open();
    expect(await store.lessons.list(TENANT, "acme/one")).toEqual([two, one]);
    const again = { ...one, failures: 2, lastSeenAtMs: 20 };
    await store.lessons.put(again, { max: 10 });
    expect(await store.lessons.get(TENANT, "one")).toEqual(again);
    expect(await store.lessons.list(TENANT, "acme/one")).toEqual([again, two]);
    expect(await store.lessons.get(OTHER_TENANT, "one")).toMatchObject({ failures: 1 });
    expect(await store.lessons.delete(TENANT, "two")).toBe(true);
    expect(await store.lessons.delete(TENANT, "two")).toBe(false);
    expect(await store.lessons.get(TENANT, "nothing")).toBeUndefined();
  });

  test("above its bound a repository loses the lessons seen longest ago, and no other repository does", async () => {
    await using subject = await make();
    await using store = await subject.open();
    await store.lessons.put(aLesson("other", { repository: "acme/two", lastSeenAtMs: 0 }), { max: 3 });
    for (const at of [3, 1, 2, 5, 4]) await store.lessons.put(aLesson(`l${at}`, { lastSeenAtMs: at }), { max: 3 });
    expect((await store.lessons.list(TENANT, "acme/one")).map(({ id }) => id)).toEqual(["l5", "l4", "l3"]);
    expect(await store.lessons.list(TENANT, "acme/two")).toHaveLength(1);
  });
}
