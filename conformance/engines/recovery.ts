import { expect } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { type Continuation, defineProgram, type ProgramContext } from "../../packages/glovebox/src/engine/index.ts";
import { replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(
  version: string,
  run: (ctx: ProgramContext) => Promise<unknown>,
  continues: readonly (string | Continuation)[] = [],
) {
  return defineProgram({ name: "changing", version, input: anything, output: anything, continues, run });
}

const two = async (ctx: ProgramContext, first = "first", input: unknown = 1) => {
  const a = await ctx.step(first, input, () => "a");
  await ctx.waitFor("go");
  return [a, await ctx.step("second", a, () => "b")];
};

const whole = (ctx: ProgramContext) => two(ctx);

export function recoveryConformance({ make, test }: Suite): void {
  test("unfinished runs go on with the next engine in the order of their starts, without doing a step again", async () => {
    await using subject = await make();
    const begun: string[] = [];
    const waiting = defineProgram({
      name: "order",
      version: "1",
      input: z.string(),
      output: z.string(),
      run: async (ctx, name) => {
        begun.push(name);
        await ctx.step("once", name, () => begun.push(`${name}!`));
        await ctx.waitFor("go");
        return name;
      },
    });
    const names = ["a", "b", "c", "d"];
    const ids: string[] = [];
    {
      await using engine = await subject.open();
      for (const name of names) ids.push((await engine.start(waiting, name, { tenantId: TENANT })).id);
      for (const id of ids) await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    }
    begun.length = 0;
    await using engine = await subject.open({ programs: [waiting] });
    for (const id of ids) await until(async () => (await engine.get(TENANT, id)).resumes === 1);
    for (const id of ids) await engine.signal(TENANT, id, "go");
    expect(await Promise.all(ids.map((id) => engine.result(TENANT, id)))).toEqual(names);
    expect(begun).toEqual(names);
    await replayAll(engine);
  });

  test("a run whose program has another version is refused, saying what differs, unless the new one declares that it continues it", async () => {
    await using subject = await make();
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(program("1", whole), null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    }
    {
      await using engine = await subject.open({ programs: [program("2", whole)] });
      await expect(engine.resume(TENANT, id)).rejects.toMatchObject({
        code: "journal_mismatch",
        details: { version: "1", registered: ["2"] },
      });
      expect(await engine.get(TENANT, id)).toMatchObject({ status: "waiting" });
    }
    await using engine = await subject.open({ programs: [program("3", whole, ["1"])] });
    await engine.signal(TENANT, id, "go");
    expect(await engine.result(TENANT, id)).toEqual(["a", "b"]);
    expect(await engine.get(TENANT, id)).toMatchObject({ version: "3" });
    await replayAll(engine);
  });

  test("a new version goes on from journals of older ones: renamed, changed and new steps as it declares, what it does not declare is refused", async () => {
    await using subject = await make();
    const done: string[] = [];
    const step = (ctx: ProgramContext, name: string, input: unknown, undo = name) =>
      ctx.step(name, input, () => void done.push(name), { compensate: () => void done.push(`undo ${undo}`) });
    const first = program("1", async (ctx) => {
      await step(ctx, "build", 1);
      await step(ctx, "build", 2);
      await ctx.parallel({ a: (b) => step(b, "test", null) }, { name: "tests" });
      await ctx.waitFor("one");
    });
    const changed = async (ctx: ProgramContext) => {
      const report = await ctx.step("check", null, () => void done.push("check"));
      await step(ctx, "compile", 1);
      await step(ctx, "compile", { level: 2 });
      await ctx.parallel({ a: (b) => step(b, "test", null) }, { name: "suites" });
      await ctx.waitFor("one");
      await step(ctx, "package", null);
      await ctx.waitFor("two");
      await ctx.waitFor("three");
      return report;
    };
    const declared = {
      version: "1",
      rename: { build: "compile", tests: "suites" },
      sameInput: ["compile#2"],
      without: { check: "not checked" },
    };
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(first, null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    }
    for (const missing of ["rename", "sameInput", "without"]) {
      const { [missing as "rename"]: _left, ...others } = declared;
      await using engine = await subject.open({ programs: [program("2", changed, [others])] });
      await engine.resume(TENANT, id).catch(() => {});
      const stopped = await until(async () => {
        const run = await engine.get(TENANT, id);
        return run.status === "failed" && run;
      });
      expect({ missing, ...stopped.error }).toMatchObject({ missing, code: "journal_mismatch" });
      await expect(engine.replay(TENANT, id)).resolves.toMatchObject({ identical: false });
    }
    const second = program("2", changed, [declared]);
    {
      await using engine = await subject.open({ programs: [second] });
      await engine.resume(TENANT, id);
      await engine.signal(TENANT, id, "one");
      await until(() => done.includes("package"));
      await engine.signal(TENANT, id, "two");
    }
    // What the second version wrote has other names again.
    const again = { version: "2", rename: { package: "bundle" } };
    const third = program(
      "3",
      async (ctx) => {
        const report = await ctx.step("check", null, () => void done.push("check"));
        await step(ctx, "compile", 1);
        await step(ctx, "compile", { level: 2 });
        await ctx.parallel({ a: (b) => step(b, "test", null) }, { name: "suites" });
        await ctx.waitFor("one");
        await step(ctx, "bundle", null);
        await ctx.waitFor("two");
        await ctx.waitFor("three");
        return report;
      },
      [declared, again],
    );
    await using engine = await subject.open({ programs: [third] });
    const fork = await engine.fork(TENANT, id, { step: "two" });
    await engine.signal(TENANT, fork.id, "two");
    for (const run of [id, fork.id]) await engine.signal(TENANT, run, "three");
    expect(await engine.result(TENANT, id)).toBe("not checked");
    expect(await fork.result()).toBe("not checked");
    expect(done).toEqual(["build", "build", "test", "package"]);
    await replayAll(engine);
  });

  test("a program whose code changed stops at the first decision that differs, and goes on once it is right again", async () => {
    await using subject = await make();
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(program("1", whole), null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    }
    const changes = [
      program("1", (ctx) => two(ctx, "other")),
      program("1", (ctx) => two(ctx, "first", 2)),
      program("1", async () => "at once"),
    ];
    for (const changed of changes) {
      await using engine = await subject.open({ programs: [changed] });
      await engine.resume(TENANT, id).catch(() => {});
      const stopped = await until(async () => {
        const run = await engine.get(TENANT, id);
        return run.status === "failed" && run;
      });
      expect(stopped.error).toMatchObject({ code: "journal_mismatch", details: { step: "first" } });
    }
    await using engine = await subject.open({ programs: [program("1", whole)] });
    await engine.resume(TENANT, id);
    await engine.signal(TENANT, id, "go");
    expect(await engine.result(TENANT, id)).toEqual(["a", "b"]);
    await expect(engine.resume(TENANT, id)).rejects.toMatchObject({ code: "conflict" });
    await replayAll(engine);
  });

  test("a replay names the first difference: a step, an input, a signal, a child, the end", async () => {
    await using subject = await make();
    const child = defineProgram({
      name: "kid",
      version: "1",
      input: anything,
      output: anything,
      run: async (_ctx, n) => n,
    });
    const original = (change: string) =>
      program("1", async (ctx) => {
        await ctx.step(change === "step" ? "x" : "a", change === "input" ? 2 : 1, () => 1);
        await ctx.waitFor(change === "signal" ? "other" : "go");
        await ctx.child(child, change === "child" ? 2 : 1);
        if (change === "more") await ctx.sleep(1);
        return change === "end" ? "other" : "end";
      });
    let id = "";
    {
      await using engine = await subject.open();
      const handle = await engine.start(original(""), null, { tenantId: TENANT });
      id = handle.id;
      await engine.signal(TENANT, id, "go");
      await handle.result();
      expect(await engine.replay(TENANT, id)).toMatchObject({ identical: true });
    }
    const found: Record<string, unknown> = {};
    for (const change of ["step", "input", "signal", "child", "more", "end"]) {
      await using engine = await subject.open({ programs: [original(change), child] });
      const report = await engine.replay(TENANT, id);
      expect(report.identical).toBe(false);
      found[change] = report.firstDifference?.step ?? "end";
    }
    expect(found).toEqual({ step: "a", input: "a", signal: "go", child: "kid", more: "end", end: "end" });
  });

  test("an error reaches a program rebuilt from code, message and details, the first time and after a restart alike", async () => {
    await using subject = await make();
    class Own extends Error {
      readonly extra = "gone";
    }
    const lives: unknown[][] = [];
    const fails = program("1", async (ctx) => {
      const seen: unknown[] = [];
      lives.push(seen);
      const details = { path: "a", deep: [1] };
      for (const [name, thrown] of Object.entries({
        known: new GloveboxError("not_found", "no such thing", { details, cause: new Error("a cause") }),
        own: new Own("of its own"),
        text: "a text",
      })) {
        const caught: unknown = await ctx
          .step(name, null, () => Promise.reject(thrown))
          .catch((error: unknown) => error);
        expect(caught).toBeInstanceOf(GloveboxError);
        const { code, message, details: got, cause } = caught as GloveboxError;
        seen.push({
          code,
          message,
          got,
          cause,
          own: caught instanceof Own,
          keys: Object.keys(caught as object).toSorted(),
        });
      }
      await ctx.waitFor("go");
      return seen;
    });
    let id = "";
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(fails, null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    }
    await using engine = await subject.open({ programs: [fails] });
    await engine.signal(TENANT, id, "go");
    await engine.result(TENANT, id);
    expect(lives).toHaveLength(2);
    expect(lives[1]).toEqual(lives[0]);
    expect(lives[0]?.[0]).toMatchObject({ code: "not_found", message: "no such thing", cause: undefined, own: false });
    await replayAll(engine);
  });

  test("a step during which the process ends again and again is given up", async () => {
    await using subject = await make();
    let begun = 0;
    const poison = program("1", (ctx) =>
      ctx
        .step("deadly", null, () => {
          begun += 1;
          return new Promise<never>(() => {});
        })
        .catch((error: { details?: unknown }) => error.details),
    );
    let id = "";
    for (let life = 1; life <= 3; life += 1) {
      await using engine = await subject.open({ programs: [poison], maxDeaths: 3 });
      if (life === 1) ({ id } = await engine.start(poison, null, { tenantId: TENANT }));
      await until(() => begun === life);
    }
    await using engine = await subject.open({ programs: [poison], maxDeaths: 3 });
    expect(await engine.result(TENANT, id)).toMatchObject({ deaths: 3 });
    expect(begun).toBe(3);
    await replayAll(engine);
  });

  test("a full queue refuses a run, and nothing of it stays", async () => {
    await using subject = await make();
    await using engine = await subject.open({ concurrency: 1, maxQueued: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy = program("1", (ctx) => ctx.step("busy", null, () => promise));
    const first = await engine.start(busy, 1, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, first.id)).status === "running");
    const second = await engine.start(busy, 2, { tenantId: TENANT });
    await expect(engine.start(busy, 3, { tenantId: TENANT })).rejects.toMatchObject({ code: "queue_full" });
    expect((await engine.list(TENANT)).items).toHaveLength(2);
    resolve();
    await Promise.all([first.result(), second.result()]);
    await replayAll(engine);
  });
}
