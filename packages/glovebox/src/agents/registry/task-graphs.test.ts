import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { newId } from "../../core/index.ts";
import type { AgentTaskRecord } from "../../store/index.ts";
import type { Agent } from "../agent.ts";
import { summary } from "../messages/make-message.ts";
import type { AgentTask, NewTask } from "../messages/task.ts";
import { type AgentsStage, openAgentsStage, principal, TENANT } from "../testing/agents-stage.ts";
import { runAgentTasks } from "./run-agent-tasks.ts";

const order: string[] = [];

/** Says when it was done, and proposes what its payload says. */
const worker: Agent<{ readonly propose: readonly NewTask[]; readonly fail: boolean }> = {
  name: "worker",
  capabilities: ["x-node"],
  description: "Keeps the order",
  payload: z.strictObject({ propose: z.array(z.any()).default([]), fail: z.boolean().default(false) }) as never,
  work: async ({ run }, { id, parentId, payload: { propose, fail } }) => {
    await run.step("work", {}, () => {
      order.push(id);
      if (fail) throw new Error("as asked");
    });
    return summary(parentId ?? "", { newTasks: [...propose] });
  },
};

const node = (id: string, after: readonly string[] = [], payload: Record<string, unknown> = {}): NewTask => ({
  id,
  type: "x-node",
  agent: "worker",
  payload,
  after: [...after],
});

describe("graphs of tasks", { timeout: 120_000 }, () => {
  let stage: AgentsStage;
  beforeEach(async () => {
    order.length = 0;
    stage = await openAgentsStage({ builtIn: [worker], maxQueued: 10_000 });
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  const run = async (tasks: readonly NewTask[], options: Parameters<typeof runAgentTasks>[3] = {}) => {
    const id = await stage.start("graph", async (desk, host) => {
      const answers = await runAgentTasks(desk, host, tasks, options);
      return [...answers].map(([task, answer]) => [task, "error" in answer ? answer.error.code : "ok"]);
    });
    return (await stage.engine.result(TENANT, id)) as [string, string][];
  };

  test("1,000 tasks of random graphs complete in the order of their dependencies", async () => {
    const sizes = [600, 300, 100];
    const [lists] = fc.sample(
      fc.tuple(
        ...sizes.map((size) => fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: size, maxLength: size })),
      ),
      { numRuns: 1, seed: 7 },
    );
    for (const [g, list] of (lists ?? []).entries()) {
      order.length = 0;
      const tasks = list.map((after, i) => {
        const before = i === 0 ? [] : after.map((n) => `g${g}-${n % i}`);
        return node(`g${g}-${i}`, [...new Set(before)]);
      });
      expect(await run(tasks)).toHaveLength(tasks.length);
      const place = new Map(order.map((id, i) => [id, i]));
      expect(place.size).toBe(tasks.length);
      for (const { id, after = [] } of tasks) {
        for (const other of after) expect(place.get(other)).toBeLessThan(place.get(id) ?? -1);
      }
    }
  });

  test("a cycle is refused before anything is done, and named", async () => {
    const tasks = [node("a", ["c"]), node("b", ["a"]), node("c", ["b"]), node("free")];
    await expect(run(tasks)).rejects.toMatchObject({ code: "invalid_argument", message: /a → c → b → a/ });
    expect(order).toEqual([]);
  });

  test("tasks that results propose are really done, with their parent's id, within limits", async () => {
    const grandchild = node("grandchild");
    const child = { ...node("child", ["other"], { propose: [grandchild] }), after: ["other"] };
    const tasks = [node("first", [], { propose: [child] }), node("other")];
    expect((await run(tasks)).map(([id]) => id).toSorted()).toEqual(["child", "first", "grandchild", "other"]);
    expect(order.indexOf("grandchild")).toBe(3);
    const page = await stage.engine.list(TENANT);
    const done: unknown[] = [];
    for await (const record of stage.engine.journal(TENANT, page.items[0]?.id ?? "")) {
      if (record.type === "task.completed") done.push(record.payload.taskId);
    }
    expect(done).toHaveLength(4);
    const many = node("many", [], { propose: Array.from({ length: 3 }, (_, i) => node(`n${i}`)) });
    await expect(run([many], { breadth: 2 })).rejects.toMatchObject({ code: "resource_exhausted" });
    await expect(run([many], { total: 3 })).rejects.toMatchObject({ code: "resource_exhausted" });
    await expect(run(tasks, { depth: 1 })).rejects.toMatchObject({ code: "resource_exhausted" });
  });

  test("the first that fails ends the others; or its error is kept, and what comes after it goes on", async () => {
    const tasks = [node("a", [], { fail: true }), node("b", ["a"])];
    await expect(run(tasks)).rejects.toMatchObject({ code: "internal", message: "task a: as asked" });
    expect(order).toEqual(["a"]);
    expect(await run(tasks, { onError: "keep" })).toEqual([
      ["a", "internal"],
      ["b", "ok"],
    ]);
  });
});

test("10,000 queued tasks are on disk and not in memory; the next is refused", { timeout: 120_000 }, async () => {
  await using stage = await openAgentsStage({ maxQueued: 10_000 });
  const me = principal("token");
  await stage.agents.service.register(me, { name: "slow", capabilities: ["x-slow"] });
  const payload = { text: "x".repeat(4_000) };
  const { store } = stage;
  const record = (i: number): AgentTaskRecord => ({
    ...{ id: newId(), tenantId: TENANT, runId: "run", taskId: `t${i}`, type: "x-slow", key: `k${i}` },
    ...{ pinned: false, state: "queued", createdMs: 0, dueMs: 0, deadlineMs: Date.now() + 600_000, attempts: [] },
  });
  const heldBefore = await heldMemory();
  for (let i = 0; i < 10_000; i += 500) {
    const batch = Array.from({ length: 500 }, (_, k) => record(i + k));
    await Promise.all(
      batch.map((one) => store.agentTasks.enqueue(one, { payload } as unknown as AgentTask, { max: 10_000 })),
    );
  }
  const held = (await heldMemory()) - heldBefore;
  console.info(`10,000 queued tasks with 40 MB of payloads hold ${Math.round(held / 1024)} KiB`);
  expect(held).toBeLessThan(10 * 1024 * 1024);
  const id = await stage.start("one-more", (desk, host) => desk.dispatch(host, { type: "x-slow", id: "t", payload }));
  await expect
    .poll(
      async () => {
        for await (const { type, payload: said } of stage.engine.journal(TENANT, id)) {
          if (type === "step.retried") return said.error.code;
        }
        return undefined;
      },
      { timeout: 20_000 },
    )
    .toBe("queue_full");
  await stage.engine.cancel(TENANT, id);
  const never = new AbortController().signal;
  const first = await stage.agents.service.lease(me, { agent: "slow" }, never);
  expect(first).toMatchObject({ attempt: 1, task: { payload } });
});

async function heldMemory(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
