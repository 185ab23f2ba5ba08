import { expect } from "vitest";
import { z } from "zod";
import { defineProgram, type ProgramContext, type StepContext } from "../../packages/glovebox/src/engine/index.ts";
import { collect, OTHER_TENANT, replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(name: string, run: (ctx: ProgramContext) => Promise<unknown>) {
  return defineProgram({ name, version: "1", input: anything, output: anything, run });
}

export function endingConformance({ make, test }: Suite): void {
  test("cancelling reaches the work, undoes completed steps in reverse, and cancels children", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const log: string[] = [];
    const child = program("kid", (ctx) => ctx.waitFor("never"));
    const saga = program("saga", async (ctx) => {
      const undo = (name: string) => ({ compensate: () => void log.push(`undo ${name}`) });
      await ctx.step("one", null, () => "1", undo("one"));
      await ctx.step("none", null, () => "0");
      await ctx.step("two", null, () => "2", undo("two"));
      await ctx.step("bad", null, () => "3", {
        compensate: () => {
          throw new Error("cannot");
        },
      });
      await ctx.parallel({
        child: (b) => b.child(child, null),
        work: (b) =>
          b.step(
            "hangs",
            null,
            (_input, { signal }) =>
              new Promise((_, reject) => {
                log.push("begun");
                signal.addEventListener("abort", () => {
                  log.push("told");
                  reject(signal.reason as Error);
                });
              }),
            { compensate: () => void log.push("never") },
          ),
      });
    });
    const { id } = await engine.start(saga, null, { tenantId: TENANT });
    await until(
      async () => log.includes("begun") && (await engine.list(TENANT, { parentId: id })).items[0]?.status === "waiting",
    );
    await engine.cancel(TENANT, id, "enough");
    await expect(engine.result(TENANT, id)).rejects.toMatchObject({ code: "cancelled", message: "enough" });
    expect(log).toEqual(["begun", "told", "undo two", "undo one"]);
    expect(await engine.get(TENANT, id)).toMatchObject({
      status: "cancelled",
      error: { details: { notCompensated: ["bad"] } },
    });
    await until(async () => (await engine.list(TENANT, { parentId: id })).items[0]?.status === "cancelled");
    await expect(engine.cancel(TENANT, id)).rejects.toMatchObject({ code: "conflict" });
    await replayAll(engine);
  });

  test("a cancel reaches every running step within a second, in branches and children too, whoever listens", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const events: string[] = [];
    const listens =
      (name: string) =>
      (_input: unknown, { signal }: StepContext) =>
        new Promise<never>((_, reject) => {
          events.push(`${name} begun`);
          signal.addEventListener("abort", () => {
            events.push(`${name} told`);
            reject(signal.reason as Error);
          });
        });
    const deaf = () => {
      events.push("deaf begun");
      return new Promise<never>(() => {});
    };
    const child = program("kid", (ctx) => ctx.step("work", null, listens("child")));
    const works = program("works", async (ctx) => {
      await ctx.parallel({
        a: (b) => b.step("work", null, listens("branch")),
        b: (b) => b.child(child, null),
        c: (b) => b.step("deaf", null, deaf),
        // It fails when it is told, and is not tried again.
        d: (b) =>
          b.step("retried", null, listens("retried"), { retry: { maxAttempts: 9, firstDelayMs: 1, when: () => true } }),
      });
    });
    const second = program("second", async (ctx) => {
      await ctx.sleep(1000);
      events.push("a second has passed");
    });
    const { id, result } = await engine.start(works, null, { tenantId: TENANT });
    await until(() => events.filter((event) => event.endsWith("begun")).length === 4);
    const watch = await engine.start(second, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, watch.id)).status === "waiting");
    await engine.cancel(TENANT, id);
    await expect(result()).rejects.toMatchObject({ code: "cancelled" });
    events.push("the end is known");
    await watch.result();
    const told = ["branch told", "child told", "retried told", "the end is known"];
    expect(events.slice(4).toSorted()).toEqual(["a second has passed", ...told]);
    expect(events.at(-1)).toBe("a second has passed");
    await replayAll(engine);
  });

  test("an ended run is deleted with its journal; one that goes on, or whose parent does, is not", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const child = program("kid", async () => "done");
    const parent = program("parent", async (ctx) => [await ctx.child(child, null), await ctx.waitFor("go")]);
    const { id, result } = await engine.start(parent, null, { tenantId: TENANT });
    const [kid] = await until(async () => {
      const { items } = await engine.list(TENANT, { parentId: id });
      return items[0]?.status === "completed" && items;
    });
    for (const run of [id, kid?.id ?? ""]) {
      await expect(engine.delete(TENANT, run)).rejects.toMatchObject({ code: "conflict" });
    }
    await engine.signal(TENANT, id, "go", 1);
    expect(await result()).toEqual(["done", 1]);
    await replayAll(engine);
    await expect(engine.delete(OTHER_TENANT, id)).rejects.toMatchObject({ code: "not_found" });
    for (const run of [id, kid?.id ?? ""]) await engine.delete(TENANT, run);
    expect((await engine.list(TENANT)).items).toEqual([]);
    await expect(collect(engine.journal(TENANT, id))).rejects.toMatchObject({ code: "not_found" });
    await expect(engine.delete(TENANT, id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a run is cancelled before it began, while it waits, and although its program does not listen", async () => {
    await using subject = await make();
    await using engine = await subject.open({ concurrency: 1 });
    let done = 0;
    const deaf = program("deaf", async (ctx) => {
      await ctx.step("begin", null, () => 1).catch(() => {});
      await new Promise(() => {});
    });
    const waits = program("waits", async (ctx) => {
      await ctx.waitFor("x");
      await ctx.step("after", null, () => {
        done += 1;
      });
    });
    const first = await engine.start(deaf, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, first.id)).status === "running");
    const queued = await engine.start(waits, null, { tenantId: TENANT });
    expect((await engine.get(TENANT, queued.id)).status).toBe("queued");
    for (const { id, result } of [queued, first]) {
      await engine.cancel(TENANT, id);
      await expect(result()).rejects.toMatchObject({ code: "cancelled" });
    }
    const waiting = await engine.start(waits, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, waiting.id)).status === "waiting");
    await engine.cancel(TENANT, waiting.id);
    await expect(waiting.result()).rejects.toMatchObject({ code: "cancelled" });
    expect(done).toBe(0);
    await replayAll(engine);
  });

  test("each budget ends the run cleanly with what was done kept", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const kept: unknown[] = [];
    for (const [what, limit] of [
      ["toolCalls", 2],
      ["tokens", 1000],
      ["dollars", 0.5],
      ["sandboxSeconds", 3],
    ] as const) {
      const spends = program(`spends-${what}`, async (ctx) => {
        for (;;) {
          const result = await ctx.step("use", null, (_input, { spend }) => {
            spend({ [what]: limit / 2 });
            return "kept";
          });
          kept.push(result);
        }
      });
      const handle = await engine.start(spends, null, { tenantId: TENANT, budget: { [what]: limit } });
      await expect(handle.result()).rejects.toMatchObject({ code: "budget_exceeded", details: { of: "run", what } });
      expect(kept.splice(0)).toEqual(["kept", "kept"]);
      expect((await engine.get(TENANT, handle.id)).usage[what]).toBeCloseTo(limit * 1.5);
    }
    const waits = program("waits", (ctx) => ctx.waitFor("x"));
    const handle = await engine.start(waits, null, { tenantId: TENANT, budget: { wallMs: 50 } });
    await expect(handle.result()).rejects.toMatchObject({ code: "budget_exceeded", details: { what: "wallMs" } });
    await expect(engine.start(waits, null, { tenantId: TENANT, budget: { tokens: -1 } })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await replayAll(engine);
  });

  test("a step's budget fails the step, a tenant's holds over its runs and over engines, and a program can ask", async () => {
    await using subject = await make();
    const tenantBudget = () => ({ tokens: 10 });
    const spends = program("spends", async (ctx) => {
      const own = await ctx
        .step("own", null, (_input, { spend }) => spend({ tokens: 3 }), { budget: { tokens: 2 } })
        .catch((error: { code: string }) => error.code);
      await ctx.step("more", null, (_input, { spend }) => spend({ tokens: 3 }));
      return [own, (await ctx.budget()).used.tokens];
    });
    {
      await using engine = await subject.open({ tenantBudget });
      expect(await (await engine.start(spends, null, { tenantId: TENANT })).result()).toEqual(["budget_exceeded", 6]);
      await replayAll(engine);
    }
    await using engine = await subject.open({ tenantBudget, programs: [spends] });
    const second = await engine.start(spends, null, { tenantId: TENANT });
    await expect(second.result()).rejects.toMatchObject({ code: "budget_exceeded", details: { of: "tenant" } });
    const third = await engine.start(spends, null, { tenantId: TENANT });
    await expect(third.result()).rejects.toMatchObject({ code: "budget_exceeded" });
    expect((await engine.get(TENANT, third.id)).usage.tokens).toBe(0);
    await replayAll(engine);
  });

  test("a program that looks at the clock, chance or the network outside a step is caught; inside one it may", async () => {
    await using subject = await make();
    const peeks: Record<string, () => unknown> = {
      "Date.now()": () => Date.now(),
      "new Date()": () => new Date(),
      "performance.now()": () => performance.now(),
      "Math.random()": () => Math.random(),
      "crypto.randomUUID()": () => crypto.randomUUID(),
      "fetch()": () => fetch("data:,x"),
    };
    const peeping = program("peeping", async (ctx) => {
      const caught: string[] = [];
      for (const [name, peek] of Object.entries(peeks)) {
        await ctx.step("inside", name, async () => void (await peek()));
        try {
          await peek();
        } catch (error) {
          caught.push(String((error as { details?: { what?: string } }).details?.what));
        }
        if (new Date(0).getTime() !== 0) caught.push("a given date");
      }
      return caught;
    });
    {
      await using engine = await subject.open();
      expect(await (await engine.start(peeping, null, { tenantId: TENANT })).result()).toEqual(Object.keys(peeks));
      expect(Date.now()).toBeGreaterThan(0);
    }
    const told: unknown[] = [];
    const warn = (fields: Record<string, unknown>) => void told.push(fields.what);
    const logger = { debug: () => {}, info: () => {}, error: () => {}, warn, child: () => logger };
    await using engine = await subject.open({ determinism: "warn", logger });
    const twice = program("twice", async () => {
      for (let i = 0; i < 3; i += 1) Math.random();
    });
    await (await engine.start(twice, null, { tenantId: TENANT })).result();
    expect(told).toEqual(["Math.random()"]);
  });

  test("an engine that closes lets work end for as long as it is told, and leaves what waits and what takes longer to the next", async () => {
    await using subject = await make();
    const begun: string[] = [];
    const gate = Promise.withResolvers<void>();
    const works = program("works", (ctx) =>
      ctx.step("work", null, async () => {
        begun.push("works");
        await gate.promise;
        return "done";
      }),
    );
    const hangs = program("hangs", (ctx) =>
      ctx.step("work", null, (_input, { attempt, signal }) => {
        begun.push("hangs");
        if (attempt > 1) return "done later";
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      }),
    );
    const waits = program("waits", (ctx) => ctx.waitFor("x"));
    const ids: string[] = [];
    const engine = await subject.open();
    for (const each of [works, waits]) ids.push((await engine.start(each, null, { tenantId: TENANT })).id);
    await until(async () => begun.length === 1 && (await engine.get(TENANT, ids[1] ?? "")).status === "waiting");
    const closed = engine.close({ drainMs: 600_000 });
    gate.resolve();
    await closed;
    const second = await subject.open({ programs: [works, waits, hangs] });
    expect(await second.get(TENANT, ids[0] ?? "")).toMatchObject({ status: "completed", resumes: 0 });
    ids.push((await second.start(hangs, null, { tenantId: TENANT })).id);
    await until(() => begun.length === 2);
    await second.close({ drainMs: 20 });
    await using third = await subject.open({ programs: [works, waits, hangs] });
    expect(await third.result(TENANT, ids[2] ?? "")).toBe("done later");
    await third.signal(TENANT, ids[1] ?? "", "x", 1);
    expect(await third.result(TENANT, ids[1] ?? "")).toBe(1);
    await replayAll(third);
  });
}
