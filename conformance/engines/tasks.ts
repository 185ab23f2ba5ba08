import { expect } from "vitest";
import { z } from "zod";
import { defineProgram, runTasks, type TaskNode } from "../../packages/glovebox/src/engine/index.ts";
import { replayAll, TENANT } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

export function taskConformance({ make, test }: Suite): void {
  test("a graph of tasks runs in the order of its dependencies, proposed tasks too, and replays; a cycle or a failure ends it", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const nodes: TaskNode<number>[] = Array.from({ length: 60 }, (_, i) => ({
      id: `t${i}`,
      after: i === 0 ? [] : [`t${Math.floor(i / 3)}`, `t${i >> 1}`].filter((id) => id !== `t${i}`),
      task: i,
    }));
    const graph = (change: string) =>
      defineProgram({
        name: `graph-${change}`,
        version: "1",
        input: anything,
        output: anything,
        run: async (ctx) => {
          const planned = change === "cycle" ? [...nodes, { id: "x", after: ["x"], task: 0 }] : nodes;
          const results = await runTasks(
            ctx,
            planned,
            async (own, { id, task }) => {
              const result = await own.step("work", task, (n) => {
                if (change === "fails" && n === 7) throw new Error("seven");
                return n * 2;
              });
              return id === "t3" ? { result, newTasks: [{ id: "extra", after: ["t59"], task: 100 }] } : { result };
            },
            { concurrency: 4 },
          );
          return [...results.keys()];
        },
      });
    const order = (await (await engine.start(graph(""), null, { tenantId: TENANT })).result()) as string[];
    expect(order).toHaveLength(61);
    for (const { id, after } of nodes)
      for (const other of after) expect(order.indexOf(other)).toBeLessThan(order.indexOf(id));
    expect(order.indexOf("extra")).toBeGreaterThan(order.indexOf("t59"));
    const cycle = await engine.start(graph("cycle"), null, { tenantId: TENANT });
    await expect(cycle.result()).rejects.toMatchObject({ code: "invalid_argument", details: { cycle: ["x", "x"] } });
    const fails = await engine.start(graph("fails"), null, { tenantId: TENANT });
    await expect(fails.result()).rejects.toMatchObject({ message: "seven" });
    await replayAll(engine);
  });

  test("tasks that results propose are done as well, to the limits on depth, breadth and total, and not beyond", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const done: string[] = [];
    /** Each task proposes `breadth` more, down to `depth`. */
    const growing = (breadth: number, depth: number) =>
      defineProgram({
        name: `grows-${breadth}-${depth}`,
        version: "1",
        input: anything,
        output: z.number(),
        run: async (ctx) => {
          const results = await runTasks(
            ctx,
            [{ id: "r", after: [], task: 0 }],
            async (own, { id, task }) => {
              await own.step("work", task, () => void done.push(id));
              if (task >= depth) return { result: task };
              const children = Array.from({ length: breadth }, (_, i) => ({
                id: `${id}.${i}`,
                after: [id],
                task: task + 1,
              }));
              return { result: task, newTasks: children };
            },
            { depth: 3, breadth: 3, total: 20 },
          );
          return results.size;
        },
      });
    const run = async (breadth: number, depth: number) =>
      (await engine.start(growing(breadth, depth), null, { tenantId: TENANT })).result();
    expect(await run(2, 3)).toBe(15);
    expect(new Set(done).size).toBe(15);
    const beyond = async (breadth: number, depth: number, limit: string) =>
      await expect(run(breadth, depth)).rejects.toMatchObject({ code: "resource_exhausted", details: { limit } });
    await beyond(1, 4, "depth");
    await beyond(4, 1, "breadth");
    await beyond(3, 3, "total");
    await replayAll(engine);
  });
}
