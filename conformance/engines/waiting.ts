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

  test("two waits for one name are served in the order of asking; a wait for a person's decision shows as such", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const served: unknown[] = [];
    const program = defineProgram({
      name: "two-waits",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const wait = (name: string) => async (b: typeof ctx) => served.push([name, await b.waitFor("go")]);
        await ctx.parallel({ b: wait("b"), a: wait("a") });
        return ctx.waitFor("approve", { approval: true, timeoutMs: 60_000 });
      },
    });
    const { id, result } = await engine.start(program, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    expect((await engine.get(TENANT, id)).waitingFor).toEqual(["signal"]);
    await engine.signal(TENANT, id, "go", 1);
    await until(() => served.length === 1);
    await engine.signal(TENANT, id, "go", 2);
    await until(async () => (await engine.get(TENANT, id)).waitingFor?.[0] === "approval");
    expect(served).toEqual([
      ["b", 1],
      ["a", 2],
    ]);
    await engine.signal(TENANT, id, "approve", { yes: true });
    expect(await result()).toEqual({ yes: true });
    await replayAll(engine);
  });

  test("signals that nobody takes are kept up to a bound, then refused; they end with the run", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "deaf",
      version: "1",
      input: anything,
      output: anything,
      run: (ctx) => ctx.waitFor("other"),
    });
    const { id } = await engine.start(program, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    const taken = await Promise.allSettled(
      Array.from({ length: 10_010 }, (_, i) => engine.signal(TENANT, id, "nobody waits", i)),
    );
    const refused = taken.filter((one) => one.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "resource_exhausted" });
    await expect(engine.signal(TENANT, id, "")).rejects.toMatchObject({ code: "invalid_argument" });
    await engine.cancel(TENANT, id);
    await expect(engine.result(TENANT, id)).rejects.toMatchObject({ code: "cancelled" });
    await expect(engine.signal(TENANT, id, "nobody waits")).rejects.toMatchObject({ code: "conflict" });
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
    let meeting = Promise.withResolvers<void>();
    const program = defineProgram({
      name: "branches",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        // Each waits for another one: they end only two at a time.
        const work = async () => {
          now += 1;
          most = Math.max(most, now);
          if (now % 2 === 0) meeting.resolve();
          await meeting.promise;
          now -= 1;
          if (now === 0) meeting = Promise.withResolvers();
        };
        const names = Array.from({ length: 8 }, (_, i) => `b${i}`);
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
