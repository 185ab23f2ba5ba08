import { expect } from "vitest";
import { z } from "zod";
import {
  defineProgram,
  type ProgramContext,
  type StepContext,
  type StepOptions,
} from "../../packages/glovebox/src/engine/index.ts";
import { collect, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(run: (ctx: ProgramContext) => Promise<unknown>) {
  return defineProgram({ name: "replayed", version: "1", input: anything, output: anything, run });
}

export function replayConformance({ make, test }: Suite): void {
  test("a live replay does again what says so, in order and under keys of its own, and leaves no trace", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const done: string[] = [];
    const contexts: StepContext[] = [];
    let meeting = Promise.withResolvers<void>();
    let met = 0;
    const live = {};
    const meets = async (name: string, step: StepContext) => {
      contexts.push(step);
      met += 1;
      if (met % 2 === 0) meeting.resolve();
      await meeting.promise;
      done.push(name);
      return name;
    };
    const seen: unknown[] = [];
    const runs = program(async (ctx) => {
      const quiet = (name: string) => void done.push(name);
      await ctx.step("not live", "not live", quiet);
      await ctx.parallel({
        left: (b) => b.step("meets", "left", meets, { live, idempotencyKey: "its own" }),
        right: (b) => b.step("meets", "right", meets, { live }),
      });
      const counts = (_input: unknown, { spend, record }: StepContext) => {
        spend({ tokens: 1 });
        record("tool.called", { tool: "counter" });
        done.push("counts");
        return done.length;
      };
      seen.push(await ctx.step("counts", null, counts, { live }));
      await ctx.sleep(1);
      return ctx.waitFor("go");
    });
    const { id, result } = await engine.start(runs, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "go", "on");
    await result();
    const before = await collect(engine.journal(TENANT, id));
    const run = await engine.get(TENANT, id);
    const first = done.splice(0);
    expect(first.slice(0, 1)).toEqual(["not live"]);
    meeting = Promise.withResolvers();
    const report = await engine.replay(TENANT, id, { live: true });
    // "counts" came to another result; the program got the journal's all the same.
    expect(report).toEqual({
      identical: true,
      records: before.length,
      live: { steps: 3, differences: [{ step: "counts", expected: 4, found: 3 }] },
    });
    expect(seen).toEqual([4, 4]);
    expect(done.slice(0, 2).toSorted()).toEqual(["left", "right"]);
    expect(done[2]).toBe("counts");
    expect(contexts.slice(0, 2).map(({ runId }) => runId)).toEqual([id, id]);
    const again = contexts.slice(2);
    expect(new Set(again.map(({ runId }) => runId)).size).toBe(1);
    expect(again[0]?.runId).not.toBe(id);
    for (const { idempotencyKey, runId } of again) expect(idempotencyKey.startsWith(`${runId}/`)).toBe(true);
    expect(await collect(engine.journal(TENANT, id))).toEqual(before);
    expect(await engine.get(TENANT, id)).toEqual(run);
    expect(await engine.replay(TENANT, id)).toEqual({ identical: true, records: before.length });
    expect(done).toHaveLength(3);
  });

  test("a live replay compares what a step says is to be compared, errors by their codes, and lists a bounded part", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    let life = 0;
    const runs = program(async (ctx) => {
      life += 1;
      const now = life;
      const step = (name: string, work: () => unknown, options: StepOptions<unknown>) =>
        ctx.step(name, null, work, options).catch(() => "failed");
      const fails = (message: string) => () => Promise.reject(new Error(`${message} ${now}`));
      const sameCode = (result: unknown) => (result as { code: number }).code;
      await step("projected", () => ({ code: 0, ms: now }), { live: { compare: sameCode } });
      await step("projected differs", () => ({ code: now, ms: 1 }), { live: { compare: sameCode } });
      await step("fails alike", fails("at"), { live: {} });
      await step("fails now", now === 1 ? () => "fine" : fails("at"), { live: {} });
      await step("heals", now === 1 ? fails("at") : () => "fine", { live: {} });
      await step("cannot be compared", () => null, { live: { compare: sameCode } });
      const hangs = () => new Promise((resolve) => now === 1 && resolve("in time"));
      await step("late", hangs, { live: {}, timeoutMs: now === 1 ? 60_000 : 5 });
      await step("large", () => "y".repeat(5000 + now), { live: {} });
      for (let i = 0; i < 100; i += 1) await step("many", () => now, { live: {} });
    });
    const { id, result } = await engine.start(runs, null, { tenantId: TENANT });
    await result();
    const report = await engine.replay(TENANT, id, { live: true });
    expect(report.identical).toBe(true);
    const { steps, differences = [] } = report.live ?? {};
    expect(steps).toBe(108);
    expect(differences).toHaveLength(100);
    const byStep = Object.fromEntries(differences.map((difference) => [difference.step, difference]));
    expect(byStep["projected differs"]).toMatchObject({ expected: 1, found: 2 });
    expect(byStep["fails now"]).toMatchObject({ expected: "fine", found: { error: { code: "internal" } } });
    expect(byStep.heals).toMatchObject({ expected: { error: { code: "internal", message: "at 1" } }, found: "fine" });
    expect(byStep["cannot be compared"]?.found).toMatchObject({ error: { code: "internal" } });
    expect(byStep.late).toMatchObject({ expected: "in time", found: { error: { code: "deadline_exceeded" } } });
    expect(String(byStep.large?.found).length).toBeLessThan(2100);
    expect(Object.keys(byStep)).not.toContain("projected");
    expect(Object.keys(byStep)).not.toContain("fails alike");
  });

  test("a replay that is aborted rejects with the reason, and so does its work; an engine that closes ends both", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    let begun = 0;
    let told = 0;
    const runs = program((ctx) =>
      ctx.step(
        "hangs later",
        null,
        (_input, { signal }) => {
          begun += 1;
          if (begun === 1) return null;
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              told += 1;
              reject(signal.reason as Error);
            });
          });
        },
        { live: {} },
      ),
    );
    const { id, result } = await engine.start(runs, null, { tenantId: TENANT });
    await result();
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(engine.replay(TENANT, id, { signal: aborted })).rejects.toThrow("enough");
    const stop = new AbortController();
    const replay = engine.replay(TENANT, id, { live: true, signal: stop.signal });
    const refused = expect(replay).rejects.toThrow("that will do");
    await until(() => begun === 2);
    stop.abort(new Error("that will do"));
    await refused;
    expect(told).toBe(1);
    const second = expect(engine.replay(TENANT, id, { live: true })).rejects.toMatchObject({ code: "unavailable" });
    await until(() => begun === 3);
    await engine.close();
    await second;
    expect(told).toBe(2);
  });
}
