import { expect } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

export function programConformance({ make, test }: Suite): void {
  test("a program's steps, branches, values and output are journaled, and a replay decides the same", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "everything",
      version: "1",
      input: z.object({ n: z.number() }),
      output: z.object({ sum: z.number(), first: z.string() }),
      run: async (ctx, { n }) => {
        const a = await ctx.step("a", { n }, (input) => input.n + 1);
        const again = await ctx.step("a", { n: a }, (input) => input.n + 1);
        const both = await ctx.parallel({
          left: async (branch) =>
            (await branch.step("x", 1, (x) => x * 10)) + (await branch.step("x", 2, (x) => x * 10)),
          right: (branch) => branch.step("x", 3, (x) => x * 10),
        });
        await ctx.sleep(1);
        await ctx.note({ both });
        const [now, random, uuid] = [await ctx.now(), await ctx.random(), await ctx.uuid()];
        expect(now).toBeGreaterThan(0);
        expect(random).toBeLessThan(1);
        expect(uuid).toMatch(/^[0-9a-f-]{36}$/);
        const first = await ctx.waitAny({ slow: (b) => b.sleep(60_000), quick: (b) => b.sleep(1) });
        return { sum: a + again + both.left + both.right, first: first.key };
      },
    });
    const handle = await engine.start(program, { n: 1 }, { tenantId: TENANT });
    expect(await handle.result()).toEqual({ sum: 2 + 3 + 30 + 30, first: "quick" });
    expect(await engine.get(TENANT, handle.id)).toMatchObject({
      status: "completed",
      program: "everything",
      resumes: 0,
    });
    expect(await engine.verify(TENANT, handle.id)).toMatchObject({ ok: true });
    expect(await replayAll(engine)).toBe(1);
  });

  test("what a step returns is what JSON keeps of it, the first time too; what JSON cannot keep fails the step", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const seen: unknown[] = [];
    const program = defineProgram({
      name: "values",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        seen.push(await ctx.step("plain", undefined, () => ({ b: undefined, a: -0, list: [1] })));
        seen.push(await ctx.step("nothing", null, () => undefined));
        const bad: unknown[] = [new Date(0), new Map(), 1n, Number.NaN, () => 1, { deep: [Symbol("x")] }];
        for (const value of bad) {
          const failed = await ctx.step("bad", null, () => value).then(String, (error: GloveboxError) => error.code);
          seen.push(failed);
        }
        // The bound of a payload is 16 MiB.
        const huge = () => "x".repeat((16 << 20) + 1);
        seen.push(await ctx.step("huge", null, huge).then(String, (error: GloveboxError) => error.code));
        const cycle: unknown[] = [];
        cycle.push(cycle);
        seen.push(await ctx.step("cycle", null, () => cycle).then(String, (error: GloveboxError) => error.code));
        return "done";
      },
    });
    expect(await (await engine.start(program, null, { tenantId: TENANT })).result()).toBe("done");
    expect(seen.slice(0, 2)).toEqual([{ a: 0, list: [1] }, undefined]);
    const codes = Array.from({ length: 6 }, () => "invalid_argument");
    expect(seen.slice(2)).toEqual([...codes, "payload_too_large", "invalid_argument"]);
    await replayAll(engine);
  });

  test("only retryable errors are tried again, as often as the policy says", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const calls: Record<string, number> = {};
    const failing = (name: string, times: number, error: Error) => () => {
      calls[name] = (calls[name] ?? 0) + 1;
      if ((calls[name] ?? 0) <= times) throw error;
      return calls[name];
    };
    const retry = { maxAttempts: 3, firstDelayMs: 2 };
    const program = defineProgram({
      name: "retries",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const code = (error: GloveboxError) => error.code;
        const unavailable = new GloveboxError("unavailable", "away");
        return [
          await ctx.step("heals", null, failing("heals", 2, unavailable), { retry }),
          await ctx.step("dies", null, failing("dies", 9, unavailable), { retry }).catch(code),
          await ctx
            .step("wrong", null, failing("wrong", 9, new GloveboxError("invalid_argument", "no")), { retry })
            .catch(code),
          await ctx.step("plain", null, failing("plain", 9, new Error("no")), { retry }).catch(code),
          await ctx.step("asked", null, failing("asked", 1, new Error("no")), {
            retry: { ...retry, when: () => true },
          }),
        ];
      },
    });
    const handle = await engine.start(program, null, { tenantId: TENANT });
    expect(await handle.result()).toEqual([3, "unavailable", "invalid_argument", "internal", 2]);
    expect(calls).toEqual({ heals: 3, dies: 3, wrong: 1, plain: 1, asked: 2 });
    await replayAll(engine);
  });

  test("a step's deadline holds over its attempts, a run's over all, and the work is told", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    let told = 0;
    const hang = (_input: null, { signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => {
          told += 1;
          reject(signal.reason as Error);
        });
      });
    const program = defineProgram({
      name: "late",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        const retry = { maxAttempts: 50, firstDelayMs: 10 };
        const away = () => {
          throw new GloveboxError("unavailable", "away");
        };
        const first = await ctx
          .step("hangs", null, hang, { timeoutMs: 20 })
          .catch((error: GloveboxError) => error.code);
        const second = await ctx
          .step("away", null, away, { timeoutMs: 60, retry })
          .catch((error: GloveboxError) => error.code);
        expect([first, second]).toEqual(["deadline_exceeded", "unavailable"]);
        await ctx.step("forever", null, hang);
      },
    });
    const handle = await engine.start(program, null, { tenantId: TENANT, timeoutMs: 400 });
    await expect(handle.result()).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(told).toBe(2);
    expect(await engine.get(TENANT, handle.id)).toMatchObject({
      status: "failed",
      error: { code: "deadline_exceeded" },
    });
    await replayAll(engine);
  });

  test("what nobody awaits may fail: the program goes on, and so does the process", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => void unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    try {
      const program = defineProgram({
        name: "careless",
        version: "1",
        input: anything,
        output: anything,
        run: async (ctx) => {
          const fails = () => Promise.reject(new Error("no"));
          void ctx.step("fails", null, fails);
          void ctx.parallel({ a: (b) => b.step("fails", null, fails) });
          void ctx.waitAny({ a: (b) => b.waitFor("$no") });
          void ctx.sleep(-1);
          return ctx.waitFor("go");
        },
      });
      const { id, result } = await engine.start(program, null, { tenantId: TENANT });
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
      await engine.signal(TENANT, id, "go", "on");
      expect(await result()).toBe("on");
      await replayAll(engine);
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", onUnhandled);
    }
  });

  test("programs are listed with what they say of themselves; a run knows its tenant; a priority is a small whole number", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const whose = (version: string, description?: string) =>
      defineProgram({
        name: "whose",
        version,
        ...(description === undefined ? {} : { description }),
        input: anything,
        output: anything,
        run: async (ctx) => {
          const inner = await ctx.parallel({ b: async (b) => [b.tenantId, b.runId === ctx.runId] });
          return [ctx.tenantId, inner.b, await ctx.step("in", null, (_input, { runId }) => runId === ctx.runId)];
        },
      });
    const [first, second] = [whose("1"), whose("2", "Says whose it is")];
    engine.register(first);
    engine.register(second);
    engine.register(first);
    expect(engine.programs()).toEqual([first, second]);
    expect(engine.programs()[1]?.description).toBe("Says whose it is");
    expect(() => engine.register(whose("1"))).toThrow(expect.objectContaining({ code: "already_exists" }));
    const start = (priority: number) => engine.start(second, null, { tenantId: TENANT, priority });
    for (const priority of [0.5, 1001, -1001, Number.NaN]) {
      await expect(start(priority)).rejects.toMatchObject({ code: "invalid_argument", details: { path: "priority" } });
    }
    expect((await engine.list(TENANT)).items).toEqual([]);
    for (const priority of [-1000, 1000]) {
      const { id, result } = await start(priority);
      expect(await result()).toEqual([TENANT, [TENANT, true], true]);
      expect(await engine.get(TENANT, id)).toMatchObject({ priority });
    }
    await replayAll(engine);
  });

  test("input and output are checked against their schemas", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "typed",
      version: "1",
      input: z.object({ n: z.number() }),
      output: z.string(),
      run: async (_ctx, { n }) => n as unknown as string,
    });
    await expect(engine.start(program, { n: "1" } as never, { tenantId: TENANT })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect((await engine.list(TENANT)).items).toEqual([]);
    const handle = await engine.start(program, { n: 1 }, { tenantId: TENANT });
    await expect(handle.result()).rejects.toMatchObject({ code: "invalid_argument" });
    await replayAll(engine);
  });

  test("idempotency keys: of a start, of a step; the same key with another input is a conflict", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const keys: string[] = [];
    const program = defineProgram({
      name: "keys",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        await ctx.step("own", 1, (_input, { idempotencyKey }) => void keys.push(idempotencyKey), {
          idempotencyKey: "mine",
        });
        await ctx.step("default", 1, (_input, { idempotencyKey }) => void keys.push(idempotencyKey));
        return ctx.step("other", 2, () => 1, { idempotencyKey: "mine" }).catch((error: GloveboxError) => error.code);
      },
    });
    const options = { tenantId: TENANT, idempotencyKey: "once" };
    const first = await engine.start(program, { a: 1 }, options);
    expect((await engine.start(program, { a: 1 }, options)).id).toBe(first.id);
    await expect(engine.start(program, { a: 2 }, options)).rejects.toMatchObject({ code: "conflict" });
    expect(await first.result()).toBe("conflict");
    expect(keys).toEqual(["mine", `${first.id}/default`]);
    expect((await engine.list(TENANT)).items).toHaveLength(1);
    await replayAll(engine);
  });

  test("a large payload goes to the blob store and comes back", async () => {
    await using subject = await make();
    const big = "x".repeat(200_000);
    const program = defineProgram({
      name: "large",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx, input) => {
        const doubled = await ctx.step("double", input, (text) => `${String(text)}${String(text)}`);
        await ctx.waitFor("go");
        return doubled.length;
      },
    });
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(program, big, { tenantId: TENANT }));
      await engine.signal(TENANT, id, "other", big);
    }
    await using engine = await subject.open({ programs: [program] });
    await engine.signal(TENANT, id, "go");
    expect(await engine.result(TENANT, id)).toBe(400_000);
    expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true });
    await replayAll(engine);
  });
}
