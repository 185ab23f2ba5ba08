import { expect, test } from "vitest";
import { type CiRun, newId } from "../../packages/glovebox/src/core/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

function aRun(change: Partial<CiRun> = {}): CiRun {
  return {
    id: newId(),
    tenantId: TENANT,
    repository: "acme/one",
    number: 0,
    attempt: 1,
    workflow: { name: "test", path: ".github/workflows/test.yml" },
    title: "é'",
    event: { name: "push", ref: "refs/heads/main", sha: "a".repeat(40), actor: "somebody", isFork: false },
    source: { kind: "archive", id: newId() },
    status: "queued",
    jobs: [],
    createdAtMs: 1,
    updatedAtMs: 1,
    ...change,
  };
}

export function ciRunConformance(make: MakeSubject): void {
  test("runs of workflows are kept once, and numbered by repository and workflow", async () => {
    await using subject = await make();
    const [one, two, other] = [aRun(), aRun(), aRun({ repository: "acme/two" })];
    {
      await using store = await subject.open();
      expect((await store.ciRuns.create(one)).number).toBe(1);
      expect((await store.ciRuns.create(two)).number).toBe(2);
      expect((await store.ciRuns.create(one)).number).toBe(1);
      expect((await store.ciRuns.create(other)).number).toBe(1);
      const again = aRun({ attempt: 2, number: 1, rerunOf: one.id });
      expect(await store.ciRuns.create(again)).toEqual(again);
      expect((await store.ciRuns.create(aRun())).number).toBe(3);
    }
    await using store = await subject.open();
    expect(await store.ciRuns.get(TENANT, two.id)).toEqual({ ...two, number: 2 });
    expect(await store.ciRuns.get(OTHER_TENANT, two.id)).toBeUndefined();
    expect(await store.ciRuns.put({ ...two, number: 2, title: "changed" })).toBe(true);
    expect((await store.ciRuns.get(TENANT, two.id))?.title).toBe("changed");
    expect(await store.ciRuns.put(aRun())).toBe(false);
    expect(await store.ciRuns.put({ ...two, tenantId: OTHER_TENANT })).toBe(false);
  });

  test("runs of workflows are listed newest first, by whatever is asked for", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const repositoryId = newId();
    const source = { kind: "repository", repositoryId, sha: "b" } as const;
    const first = await store.ciRuns.create(aRun({ repositoryId, source }));
    const second = await store.ciRuns.create(aRun({ status: "completed", conclusion: "failure" }));
    const event = { ...first.event, name: "schedule", ref: "refs/heads/x", sha: "c" };
    const third = await store.ciRuns.create(aRun({ event, workflow: { name: "x", path: "x.yml" } }));
    const ids = async (filter: object) => (await store.ciRuns.list(TENANT, filter)).items.map(({ id }) => id);
    expect(await ids({})).toEqual([third.id, second.id, first.id]);
    expect(await ids({ repositoryId })).toEqual([first.id]);
    expect(await ids({ repository: "acme/two" })).toEqual([]);
    expect(await ids({ workflow: "x.yml" })).toEqual([third.id]);
    expect(await ids({ event: "schedule" })).toEqual([third.id]);
    expect(await ids({ ref: "refs/heads/main" })).toEqual([second.id, first.id]);
    expect(await ids({ sha: "c" })).toEqual([third.id]);
    expect(await ids({ status: ["completed"] })).toEqual([second.id]);
    expect(await ids({ conclusion: ["failure", "cancelled"] })).toEqual([second.id]);
    const page = await store.ciRuns.list(TENANT, { limit: 2 });
    expect(await ids({ limit: 2, cursor: page.nextCursor })).toEqual([first.id]);
    expect((await store.ciRuns.list(OTHER_TENANT)).items).toEqual([]);
    expect((await store.ciRuns.unfinished()).map(({ id }) => id)).toEqual([first.id, third.id]);
    const archive = second.source.kind === "archive" ? second.source.id : "";
    expect(await store.ciRuns.inUse("archive", [archive, newId()])).toEqual(new Set([archive]));
    expect(await store.ciRuns.inUse("id", [first.id, newId()])).toEqual(new Set([first.id]));
    const secretsId = newId();
    await store.ciRuns.create(aRun({ secretsId }));
    expect(await store.ciRuns.inUse("secrets", [secretsId, newId()])).toEqual(new Set([secretsId]));
  });

  test("members of a concurrency group stand in the order in which they came, across a restart", async () => {
    await using subject = await make();
    const [a, b] = [newId(), newId()];
    const member = (runId: string, state: "running" | "pending", jobKey = "") => ({
      tenantId: TENANT,
      runId,
      jobKey,
      state,
    });
    {
      await using store = await subject.open();
      await store.ciRuns.changeGroup(TENANT, "deploy", { put: [member(b, "running", "job")] });
      await store.ciRuns.changeGroup(TENANT, "deploy", { put: [member(a, "pending")] });
      await store.ciRuns.changeGroup(OTHER_TENANT, "deploy", {
        put: [{ ...member(a, "running"), tenantId: OTHER_TENANT }],
      });
    }
    await using store = await subject.open();
    expect(await store.ciRuns.group(TENANT, "deploy")).toEqual([member(b, "running", "job"), member(a, "pending")]);
    await store.ciRuns.changeGroup(TENANT, "deploy", {
      remove: [member(b, "running", "job")],
      put: [member(a, "running")],
    });
    expect(await store.ciRuns.group(TENANT, "deploy")).toEqual([member(a, "running")]);
    expect(await store.ciRuns.groupsOf(TENANT, a)).toEqual([{ group: "deploy", jobKey: "" }]);
    expect(await store.ciRuns.groupsOf(TENANT, b)).toEqual([]);
    expect(await store.ciRuns.groups()).toEqual(
      expect.arrayContaining([
        { tenantId: TENANT, group: "deploy" },
        { tenantId: OTHER_TENANT, group: "deploy" },
      ]),
    );
  });
}
