import { expect, test } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import type { AgentRecord, AgentTaskRecord } from "../../packages/glovebox/src/store/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

function anAgent(name: string, change: Partial<AgentRecord> = {}): AgentRecord {
  return {
    tenantId: TENANT,
    name,
    capabilities: ["codegen", "x-é"],
    description: "one of ours",
    maxTasks: 2,
    owner: "token",
    registeredAt: "2026-11-20T10:00:00.000Z",
    ...change,
  };
}

function aTask(change: Partial<AgentTaskRecord> = {}): AgentTaskRecord {
  const id = change.id ?? newId();
  return {
    id,
    tenantId: TENANT,
    runId: "run",
    taskId: "t",
    type: "codegen",
    key: id,
    pinned: false,
    state: "queued",
    createdMs: 1,
    dueMs: 10,
    deadlineMs: 1_000,
    attempts: [],
    ...change,
  };
}

const DEAD = { maxDead: 10 };

export function agentConformance(make: MakeSubject): void {
  test("agents are kept by tenant and name, replaced, bounded, deleted", async () => {
    await using subject = await make();
    {
      await using store = await subject.open();
      for (const name of ["b", "a"]) await store.agents.put(anAgent(name), { max: 2 });
      await store.agents.put(anAgent("a", { tenantId: OTHER_TENANT }), { max: 1 });
      await expect(store.agents.put(anAgent("c"), { max: 2 })).rejects.toMatchObject({ code: "resource_exhausted" });
      await store.agents.put(anAgent("b", { maxTasks: 9 }), { max: 2 });
    }
    await using store = await subject.open();
    expect(await store.agents.list(TENANT)).toEqual([anAgent("a"), anAgent("b", { maxTasks: 9 })]);
    expect(await store.agents.delete(TENANT, "b")).toBe(true);
    expect(await store.agents.delete(TENANT, "b")).toBe(false);
    expect(await store.agents.get(TENANT, "b")).toBeUndefined();
    expect(await store.agents.get(OTHER_TENANT, "a")).toBeDefined();
  });

  test("a task is queued once a key, with its message, within the tenant's bound", async () => {
    await using subject = await make();
    const first = aTask({ key: "k" });
    {
      await using store = await subject.open();
      const { agentTasks } = store;
      expect(await agentTasks.enqueue(first, { say: "é\u0000" }, { max: 2 })).toEqual(first);
      const again = await Promise.all(
        [1, 2].map(() => agentTasks.enqueue(aTask({ key: "k" }), { say: "other" }, { max: 1 })),
      );
      expect(again).toEqual([first, first]);
      await agentTasks.enqueue(aTask(), {}, { max: 2 });
      await expect(agentTasks.enqueue(aTask(), {}, { max: 2 })).rejects.toMatchObject({ code: "queue_full" });
      await agentTasks.enqueue(aTask({ tenantId: OTHER_TENANT, key: "k" }), {}, { max: 2 });
    }
    await using store = await subject.open();
    expect(await store.agentTasks.get(TENANT, first.id)).toEqual(first);
    expect(await store.agentTasks.message(TENANT, first.id)).toEqual({ say: "é\u0000" });
    expect(await store.agentTasks.message(OTHER_TENANT, first.id)).toBeUndefined();
    expect((await store.agentTasks.list(TENANT, { limit: 1 })).items).toHaveLength(1);
    expect((await store.agentTasks.list(OTHER_TENANT)).items).toHaveLength(1);
  });

  test("the next task is the oldest due one that an agent may have, and a lease is won by one", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const { agentTasks } = store;
    const [named, any, later] = [
      aTask({ agent: "a", pinned: true }),
      aTask({ type: "x-y" }),
      aTask({ agent: "a", dueMs: 500 }),
    ];
    for (const task of [any, later, named]) await agentTasks.enqueue(task, {}, { max: 9 });
    const next = (agent: string, types: readonly string[], nowMs = 10) =>
      agentTasks.next(TENANT, { agent, types, nowMs });
    expect(await next("a", ["x-y"])).toEqual(named);
    expect(await next("a", ["x-y"], 9)).toBeUndefined();
    expect(await next("b", ["x-y"])).toEqual(any);
    expect(await next("b", ["codegen"])).toBeUndefined();
    expect(await agentTasks.next(OTHER_TENANT, { agent: "a", types: ["x-y"], nowMs: 10 })).toBeUndefined();
    const leased = (by: string): AgentTaskRecord => ({
      ...any,
      agent: by,
      state: "leased",
      lease: { id: by, untilMs: 50 },
    });
    const won = await Promise.all(["b", "c"].map((by) => agentTasks.change(any, leased(by), DEAD)));
    expect(won).toEqual([true, false]);
    expect(await next("b", ["x-y"])).toBeUndefined();
    expect(await agentTasks.load(TENANT)).toEqual(
      new Map([
        ["a", 2],
        ["b", 1],
      ]),
    );
    expect(await agentTasks.release(TENANT, "a")).toBe(1);
    expect(await next("b", ["codegen"], 500)).toMatchObject({ id: later.id });
    expect((await next("b", ["codegen"], 500))?.agent).toBeUndefined();
    expect(await agentTasks.get(TENANT, named.id)).toEqual(named);
  });

  test("a lease's end and a deadline are found when they are over, and what is next is told", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const { agentTasks } = store;
    const [waiting, leased] = [
      aTask({ dueMs: 300 }),
      aTask({ state: "leased", lease: { id: "l", untilMs: 200 }, deadlineMs: 5_000 }),
    ];
    expect(await agentTasks.nextMs(0)).toBeUndefined();
    for (const task of [waiting, leased]) await agentTasks.enqueue(task, {}, { max: 9 });
    expect(await agentTasks.nextMs(0)).toBe(200);
    expect(await agentTasks.overdue(199, 10)).toEqual([]);
    expect(await agentTasks.overdue(200, 10)).toEqual([leased]);
    expect(await agentTasks.overdue(6_000, 10)).toEqual([waiting, leased]);
    await agentTasks.change(leased, { ...leased, lease: { id: "l", untilMs: 900 } }, DEAD);
    expect(await agentTasks.nextMs(0)).toBe(300);
    expect(await agentTasks.nextMs(300)).toBe(900);
    expect(await agentTasks.overdue(899, 10)).toEqual([]);
  });

  test("an answer comes once, from whoever holds the lease; what is final goes with its run, all but what is dead", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const { agentTasks } = store;
    const task = aTask({ state: "leased", lease: { id: "new", untilMs: 100 } });
    await agentTasks.enqueue(task, { say: 1 }, { max: 9 });
    const { lease: _lease, ...rest } = task;
    const done: AgentTaskRecord = { ...rest, state: "completed" };
    const late = { ...task, lease: { id: "old", untilMs: 50 } };
    expect(await agentTasks.change(late, done, { ...DEAD, answer: "late" })).toBe(false);
    expect(await agentTasks.answer(TENANT, task.id)).toBeUndefined();
    expect(await agentTasks.change(task, done, { ...DEAD, answer: { ok: true } })).toBe(true);
    expect(await agentTasks.change(task, done, { ...DEAD, answer: "again" })).toBe(false);
    expect(await agentTasks.answer(TENANT, task.id)).toEqual({ ok: true });
    expect(await agentTasks.answer(OTHER_TENANT, task.id)).toBeUndefined();
    const dead: AgentTaskRecord[] = [];
    for (let i = 0; i < 4; i += 1) {
      const one = aTask();
      dead.push({ ...one, state: "dead", summary: `${i}` });
      await agentTasks.enqueue(one, {}, { max: 9 });
      await agentTasks.change(one, { ...one, state: "dead", summary: `${i}` }, { maxDead: 3, answer: {} });
    }
    expect((await agentTasks.final("", 10)).map(({ id }) => id)).toEqual([done, ...dead.slice(1)].map(({ id }) => id));
    await agentTasks.removeRun(TENANT, "run");
    expect((await agentTasks.list(TENANT)).items).toEqual(dead.slice(1).toReversed());
    expect((await agentTasks.list(TENANT, { state: ["completed"] })).items).toEqual([]);
    expect(await agentTasks.message(TENANT, dead[3]?.id ?? "")).toBeUndefined();
  });
}
