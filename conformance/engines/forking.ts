import { expect } from "vitest";
import { z } from "zod";
import type { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { defineProgram, type ProgramContext } from "../../packages/glovebox/src/engine/index.ts";
import { collect, replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(version: string, run: (ctx: ProgramContext) => Promise<unknown>) {
  return defineProgram({ name: "forked", version, input: anything, output: anything, run });
}

export function forkConformance({ make, test }: Suite): void {
  test("a fork has the history up to its step, and its own with another input from there", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const done: string[] = [];
    const adds = program("1", async (ctx) => {
      const a = await ctx.step("a", 1, (n) => {
        done.push("a");
        return n + 1;
      });
      const b = await ctx.step("b", a, (n) => {
        done.push("b");
        return n * 10;
      });
      return [a, b];
    });
    const handle = await engine.start(adds, null, { tenantId: TENANT });
    expect(await handle.result()).toEqual([2, 20]);
    const fork = await engine.fork(TENANT, handle.id, { step: "b", input: 5 });
    expect(await fork.result()).toEqual([2, 50]);
    expect(done).toEqual(["a", "b", "b"]);
    expect(await engine.get(TENANT, fork.id)).toMatchObject({ forkedFrom: { runId: handle.id, step: "b" } });
    expect(await engine.verify(TENANT, fork.id)).toMatchObject({ ok: true });
    await expect(engine.fork(TENANT, handle.id, { step: "nowhere" })).rejects.toMatchObject({ code: "not_found" });
    expect(await replayAll(engine)).toBe(2);
    expect((await collect(engine.journal(TENANT, handle.id))).at(-1)?.type).toBe("run.completed");
  });

  test("a fork's cut is before the step's first record: signals received by then come along, taken or not, later ones do not", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const keys: string[] = [];
    const kid = defineProgram({
      name: "kid",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx, input) => [input, await ctx.waitFor("end")],
    });
    const forks = program("1", async (ctx) => {
      const early = ctx.parallel({
        kid: (b) => b.child(kid, { n: 1 }, { name: "kid" }),
        slow: (b) =>
          b.step("slow", null, (_input, { idempotencyKey, signal }) => {
            keys.push(idempotencyKey);
            // Under way at the cut; it ends with the first run only.
            return keys.length > 1 ? "done" : new Promise((resolve) => signal.addEventListener("abort", resolve));
          }),
      });
      const taken = await ctx.waitFor("go");
      const middle = await ctx.step("middle", { model: "a", depth: { max: 3 } }, (input) => input);
      const left = await ctx.waitFor("go", { timeoutMs: 1 }).catch(() => "nothing");
      const late = await ctx.waitFor("go", { timeoutMs: 1 }).catch(() => "nothing");
      await ctx.waitFor("on");
      return { taken, middle, left, late, kept: await ctx.waitFor("early"), early: await early };
    });
    const { id } = await engine.start(forks, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "early", "not taken");
    await engine.signal(TENANT, id, "go", 1);
    await until(async () => (await engine.list(TENANT, { parentId: id })).items[0]?.status === "waiting");
    await until(async () => {
      const records = await collect(engine.journal(TENANT, id));
      return records.some(({ step }) => step === "on");
    });
    await engine.signal(TENANT, id, "go", "late");
    const fork = await engine.fork(TENANT, id, { step: "middle", patch: { model: "b", depth: null } });
    // What the fork started it started itself: another child, another key.
    const [child] = await until(async () => {
      const { items } = await engine.list(TENANT, { parentId: fork.id });
      return items[0]?.status === "waiting" && items;
    });
    await engine.signal(TENANT, child?.id ?? "", "end", "of the fork");
    await engine.signal(TENANT, fork.id, "on");
    expect(await fork.result()).toEqual({
      taken: 1,
      middle: { model: "b" },
      left: "nothing",
      late: "nothing",
      kept: "not taken",
      early: { kid: [{ n: 1 }, "of the fork"], slow: "done" },
    });
    expect(keys).toEqual([`${id}/parallel/slow/slow`, `${fork.id}/parallel/slow/slow`]);
    const second = await engine.fork(TENANT, id, { step: "parallel/kid/kid", patch: { m: 2 } });
    const [other] = await until(async () => {
      const { items } = await engine.list(TENANT, { parentId: second.id });
      return items[0]?.status === "waiting" && items;
    });
    await engine.signal(TENANT, other?.id ?? "", "end", "now");
    expect(await engine.result(TENANT, other?.id ?? "")).toEqual([{ n: 1, m: 2 }, "now"]);
    const refused = (options: object) =>
      engine.fork(TENANT, id, { step: "middle", ...options }).then(
        () => "taken",
        (error: GloveboxError) => error.code,
      );
    expect(await refused({ input: 1, patch: {} })).toBe("invalid_argument");
    expect(await refused({ step: "parallel/slow" })).toBe("not_found");
    expect(await refused({ step: "parallel/slow/slow", patch: {} })).toBe("invalid_argument");
    expect(await refused({ step: "go", input: 1 })).toBe("invalid_argument");
    for (const run of [second.id, id]) await engine.cancel(TENANT, run);
    await expect(second.result()).rejects.toMatchObject({ code: "cancelled" });
    await expect(engine.result(TENANT, id)).rejects.toMatchObject({ code: "cancelled" });
    await replayAll(engine);
  });
}
