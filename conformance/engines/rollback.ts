import { expect } from "vitest";
import { z } from "zod";
import {
  defineProgram,
  type ProgramContext,
  type Restore,
  type SnapshotFact,
  type StepContext,
} from "../../packages/glovebox/src/engine/index.ts";
import { collect, OTHER_TENANT, replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(name: string, run: (ctx: ProgramContext) => Promise<unknown>) {
  return defineProgram({ name, version: "1", input: anything, output: anything, run });
}

/** Work that never ends by itself. */
function hang(_input: unknown, { signal }: StepContext): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

export function rollbackConformance({ make, test }: Suite): void {
  test("an ended run goes on from before a step: snapshots are put back, keys are new, what was spent stays spent, all stays on record", async () => {
    await using subject = await make();
    const keys: string[] = [];
    const restored: SnapshotFact[][] = [];
    const builds = program("builds", async (ctx) => {
      const results: unknown[] = [];
      for (const name of ["a", "b", "c"]) {
        const work = (input: unknown, { idempotencyKey, record, spend }: StepContext) => {
          keys.push(idempotencyKey);
          spend({ tokens: 1 });
          record("snapshot.taken", { of: name });
          return `${String(input)}${keys.length}`;
        };
        results.push(await ctx.step(name, name, work));
      }
      return results;
    });
    const onRollback = async (run: { id: string }, snapshots: readonly SnapshotFact[]) => {
      expect(run.id).toBe(id);
      restored.push([...snapshots]);
      return { facts: snapshots.length };
    };
    let id = "";
    let lines: string[] = [];
    {
      await using engine = await subject.open({ onRollback });
      ({ id } = await engine.start(builds, null, { tenantId: TENANT }));
      expect(await engine.result(TENANT, id)).toEqual(["a1", "b2", "c3"]);
      const before = await collect(engine.journal(TENANT, id));
      expect(await engine.rollback(TENANT, id, { step: "b", reason: "b was wrong" })).toEqual({ facts: 1 });
      expect(await engine.result(TENANT, id)).toEqual(["a1", "b4", "c5"]);
      expect(restored).toEqual([[{ step: "a", payload: { of: "a" } }]]);
      expect(keys.slice(1, 3)).toEqual([`${id}/b`, `${id}/c`]);
      expect(new Set(keys).size).toBe(5);
      const run = await engine.get(TENANT, id);
      expect(run).toMatchObject({ status: "completed", rollbacks: 1, usage: { tokens: 5 } });
      expect(run).not.toHaveProperty("rollingBack");
      const after = await collect(engine.journal(TENANT, id));
      expect(after.slice(0, before.length)).toEqual(before);
      const { payload } = after.find(({ type }) => type === "rollback") ?? {};
      expect(payload).toMatchObject({ step: "b", reason: "b was wrong", restored: { facts: 1 } });
      expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true, records: after.length });
      // What is void cannot be named; what came instead can, once more.
      await engine.rollback(TENANT, id, { step: "c" });
      expect(await engine.result(TENANT, id)).toEqual(["a1", "b4", "c6"]);
      await engine.rollback(TENANT, id, { step: "a" });
      expect(await engine.result(TENANT, id)).toEqual(["a7", "b8", "c9"]);
      expect(new Set(keys).size).toBe(9);
      expect(restored.map((facts) => facts.map(({ step }) => step))).toEqual([["a"], ["a", "b"], []]);
      const fork = await engine.fork(TENANT, id, { step: "c" });
      expect(await fork.result()).toEqual(["a7", "b8", "c10"]);
      expect(await replayAll(engine)).toBe(2);
      lines = await collect(engine.export(TENANT, id));
    }
    await using other = await make();
    await using engine = await other.open({ programs: [builds] });
    await engine.import(OTHER_TENANT, lines);
    expect(await engine.replay(OTHER_TENANT, id)).toMatchObject({ identical: true });
    expect(await engine.get(OTHER_TENANT, id)).toMatchObject({ status: "completed", rollbacks: 3 });
    await expect(engine.rollback(OTHER_TENANT, id, { step: "b" })).rejects.toMatchObject({ code: "conflict" });
  });

  test("a running run is stopped first: its work ends without compensation, later signals and children are void, earlier ones stay", async () => {
    await using subject = await make();
    const taken: string[] = [];
    const onRollback: Restore = async (_run, _snapshots, { descendants }) => void taken.push(...descendants);
    await using engine = await subject.open({ onRollback });
    const log: string[] = [];
    const inFlight: string[] = [];
    const child = program("kid", (ctx) => ctx.waitFor("end"));
    const parent = program("parent", async (ctx) => {
      const early = ctx.parallel(
        {
          kid: (b) => b.child(child, null),
          slow: (b) =>
            b.step("slow", null, (input, step) => {
              inFlight.push(step.idempotencyKey);
              return inFlight.length === 1 ? hang(input, step) : "done";
            }),
        },
        { name: "early" },
      );
      const first = await ctx.waitFor("go");
      await ctx.step("undoable", null, () => void log.push("done"), { compensate: () => void log.push("undone") });
      const second = await ctx.waitFor("go");
      await ctx.child(child, null, { name: "late" });
      return [first, second, await early];
    });
    const { id } = await engine.start(parent, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "go", 1);
    await engine.signal(TENANT, id, "go", 2);
    const kids = await until(async () => {
      const { items } = await engine.list(TENANT, { parentId: id });
      return inFlight.length === 1 && items.length === 2 && items.every(({ status }) => status === "waiting") && items;
    });
    const [late, kept] = kids.map((kid) => kid.id);
    const ended = engine.result(TENANT, id);
    await engine.rollback(TENANT, id, { step: "undoable" });
    expect(taken).toEqual([late]);
    await until(async () => (await engine.get(TENANT, late ?? "")).status === "cancelled");
    // The second signal came before the cut and is taken again.
    await until(async () => (await engine.list(TENANT, { parentId: id })).items.length === 3);
    for (const { id: kid, status } of (await engine.list(TENANT, { parentId: id })).items) {
      if (status !== "cancelled") await engine.signal(TENANT, kid, "end", kid === kept ? "kept" : "new");
    }
    expect(await ended).toEqual([1, 2, { kid: "kept", slow: "done" }]);
    expect(log).toEqual(["done", "done"]);
    expect(new Set(inFlight).size).toBe(2);
    await replayAll(engine);
  });

  test("when what a run stands on cannot be put back, nothing has changed: one that ended is ended, one that went on goes on", async () => {
    await using subject = await make();
    const asked: string[] = [];
    const onRollback = async (run: { id: string }) => {
      asked.push(run.id);
      throw new Error("the snapshot is gone");
    };
    await using engine = await subject.open({ onRollback });
    let steps = 0;
    const waits = program("waits", async (ctx) => {
      await ctx.step("once", null, () => {
        steps += 1;
      });
      return ctx.waitFor("go");
    });
    const { id, result } = await engine.start(waits, null, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    const ended = result();
    const rollback = () => engine.rollback(TENANT, id, { step: "once" });
    await expect(rollback()).rejects.toThrow("the snapshot is gone");
    await engine.signal(TENANT, id, "go", "on");
    expect(await ended).toBe("on");
    const before = await engine.get(TENANT, id);
    await expect(rollback()).rejects.toThrow("the snapshot is gone");
    expect(await engine.get(TENANT, id)).toEqual(before);
    expect(asked).toEqual([id, id]);
    expect(steps).toBe(1);
    await expect(engine.rollback(TENANT, id, { step: "nowhere" })).rejects.toMatchObject({ code: "not_found" });
    await expect(engine.rollback(OTHER_TENANT, id, { step: "once" })).rejects.toMatchObject({ code: "not_found" });
    const long = engine.rollback(TENANT, id, { step: "once", reason: "x".repeat(1001) });
    await expect(long).rejects.toMatchObject({ code: "invalid_argument" });
    expect(asked).toHaveLength(2);
    await replayAll(engine);
  });

  test("one rollback at a time; while it is under way the run takes no signal", async () => {
    await using subject = await make();
    const { promise: restores, resolve: restored } = Promise.withResolvers<void>();
    let asked = 0;
    const onRollback = () => {
      asked += 1;
      return restores;
    };
    await using engine = await subject.open({ onRollback });
    const waits = program("waits", async (ctx) => [await ctx.waitFor("go"), await ctx.waitFor("go")]);
    const { id } = await engine.start(waits, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "go", 1);
    await until(async () => (await engine.get(TENANT, id)).waitingFor?.[0] === "signal");
    const first = engine.rollback(TENANT, id, { step: "go#2" });
    await until(() => asked === 1);
    expect(await engine.get(TENANT, id)).toMatchObject({ rollingBack: { step: "go#2" } });
    await expect(engine.rollback(TENANT, id, { step: "go" })).rejects.toMatchObject({ code: "conflict" });
    await expect(engine.signal(TENANT, id, "go", "lost?")).rejects.toMatchObject({ code: "unavailable" });
    restored();
    await first;
    await engine.signal(TENANT, id, "go", 2);
    expect(await engine.result(TENANT, id)).toEqual([1, 2]);
    await replayAll(engine);
  });

  test("a rollback that an engine's end cuts short is finished by the next one, which puts everything back once more", async () => {
    await using subject = await make();
    let steps = 0;
    const waits = program("waits", async (ctx) => {
      const count = await ctx.step("count", null, () => {
        steps += 1;
        return steps;
      });
      return [count, await ctx.waitFor("go")];
    });
    let id = "";
    let asked = 0;
    {
      const onRollback = () => {
        asked += 1;
        return new Promise<never>(() => {});
      };
      await using engine = await subject.open({ onRollback });
      ({ id } = await engine.start(waits, null, { tenantId: TENANT }));
      await until(async () => (await engine.get(TENANT, id)).status === "waiting");
      const rollback = engine.rollback(TENANT, id, { step: "count" });
      const refused = expect(rollback).rejects.toMatchObject({ code: "unavailable" });
      await until(() => asked === 1);
      await engine.close();
      await refused;
    }
    const onRollback = async () => {
      asked += 1;
    };
    await using engine = await subject.open({ onRollback, programs: [waits] });
    await until(async () => (await engine.get(TENANT, id)).rollbacks === 1);
    await until(() => steps === 2);
    await engine.signal(TENANT, id, "go", "on");
    expect(await engine.result(TENANT, id)).toEqual([2, "on"]);
    expect(asked).toBe(2);
    await replayAll(engine);
  });
}
