import { expect } from "vitest";
import { z } from "zod";
import type { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { OTHER_TENANT, replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

export function waitingConformance({ make, test }: Suite): void {
  test("a signal is received whether it comes before or after somebody waits, once each, in order", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "signals",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const first = await ctx.waitFor("a");
        const late = await ctx.waitFor("never", { timeoutMs: 5 }).catch((error: GloveboxError) => error.code);
        return [first, late, await ctx.waitFor("a"), await ctx.waitFor("b")];
      },
    });
    const { id } = await engine.start(program, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "b", { early: true });
    await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    expect((await engine.get(TENANT, id)).waitingFor).toEqual(["signal"]);
    await engine.signal(TENANT, id, "a", 1);
    await engine.signal(TENANT, id, "a", 2);
    expect(await engine.result(TENANT, id)).toEqual([1, "timeout", 2, { early: true }]);
    await expect(engine.signal(TENANT, id, "a")).rejects.toMatchObject({ code: "conflict" });
    await expect(engine.signal(OTHER_TENANT, id, "a")).rejects.toMatchObject({ code: "not_found" });
    await expect(engine.signal(TENANT, id, "$cancel")).rejects.toMatchObject({ code: "invalid_argument" });
    await replayAll(engine);
  });

  test("a sleep and a wait go on over engines", async () => {
    await using subject = await make();
    let steps = 0;
    const program = defineProgram({
      name: "sleeper",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        await ctx.step("once", null, () => {
          steps += 1;
        });
        await ctx.sleep(150);
        return ctx.waitFor("go");
      },
    });
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(program, null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).waitingFor?.[0] === "timer");
    }
    {
      await using engine = await subject.open({ programs: [program] });
      await engine.signal(TENANT, id, "go", "now");
      await until(async () => (await engine.get(TENANT, id)).resumes === 1);
    }
    await using engine = await subject.open({ programs: [program] });
    expect(await engine.result(TENANT, id)).toBe("now");
    expect(steps).toBe(1);
    await replayAll(engine);
  });

  test("a child is a run of its own: its output or error reaches its parent, its end is its parent's", async () => {
    await using subject = await make();
    await using engine = await subject.open({ concurrency: 1 });
    const child = defineProgram({
      name: "child",
      version: "1",
      input: z.number(),
      output: z.number(),
      run: async (ctx, n) => {
        if (n < 0) await ctx.waitFor("never");
        return ctx.step("half", n, (value) => {
          if (value % 2 === 1) throw new Error("odd");
          return value / 2;
        });
      },
    });
    const parent = defineProgram({
      name: "parent",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const half = await ctx.child(child, 4);
        const odd = await ctx.child(child, 3).catch((error: GloveboxError) => error.message);
        const first = await ctx.waitAny({ stuck: (b) => b.child(child, -1), quick: (b) => b.child(child, 8) });
        return [half, odd, first];
      },
    });
    const handle = await engine.start(parent, null, { tenantId: TENANT });
    expect(await handle.result()).toEqual([2, "odd", { key: "quick", value: 4 }]);
    const ended = await until(async () => {
      const { items } = await engine.list(TENANT, { parentId: handle.id });
      return items.every(({ endedAt }) => endedAt !== undefined) && items;
    });
    expect(ended.map(({ status }) => status).toSorted()).toEqual(["cancelled", "completed", "completed", "failed"]);
    await replayAll(engine);
  });

  test("the first branch that fails ends the others; a branch's concurrency is bounded", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    let most = 0;
    let now = 0;
    const program = defineProgram({
      name: "branches",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const work = async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
          now -= 1;
          return now >= 0;
        };
        const names = Array.from({ length: 9 }, (_, i) => `b${i}`);
        await ctx.parallel(
          Object.fromEntries(names.map((name) => [name, (b: typeof ctx) => b.step("w", name, work)])),
          {
            concurrency: 2,
          },
        );
        return ctx
          .parallel({
            waits: (b) => b.waitFor("never"),
            fails: (b) => b.step("boom", null, () => Promise.reject(new Error("boom"))),
          })
          .catch((error: GloveboxError) => error.message);
      },
    });
    const handle = await engine.start(program, null, { tenantId: TENANT });
    expect(await handle.result()).toBe("boom");
    expect(most).toBe(2);
    await replayAll(engine);
  });
}
