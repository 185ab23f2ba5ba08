import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { collect, type MakeEngineSubject, TENANT, until } from "./subject.ts";

/** Together 32 MB as text: far more than what reading them may take. */
const RECORDS = 4000;
const RECORD_BYTES = 8000;
const MAX_GROWTH_BYTES = 12 << 20;
/** Turns of the event loop that are looked at one by one; a journal that is verified takes 16. Then it is time that passes between looks, so that waiting costs nothing. */
const CLOSE_TURNS = 32;
const LATER_MS = 5;
/** Minutes on a machine that is busy. */
const TIMEOUT_MS = 400_000;
const BATCH = 100;

const long = defineProgram({
  name: "long",
  version: "1",
  input: z.null(),
  output: z.number(),
  run: async (ctx) => {
    for (let first = 0; first < RECORDS; first += BATCH) {
      const notes = Array.from({ length: BATCH }, (_, i) => ctx.note({ n: first + i, text: "x".repeat(RECORD_BYTES) }));
      await Promise.all(notes);
    }
    await ctx.waitFor("go");
    return RECORDS;
  },
});

/** What is in use and not only waits to be collected. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** How much more memory is in use at most while `work` is done, looked at after 1, 2, 4, 8 … turns. */
async function growthDuring(work: () => Promise<unknown>): Promise<number> {
  const before = bytesInUse();
  let most = 0;
  let turns = 0;
  let isDone = false;
  const look = () => {
    turns += 1;
    if ((turns & (turns - 1)) === 0) most = Math.max(most, bytesInUse() - before);
    if (isDone) return;
    if (turns < CLOSE_TURNS) setImmediate(look);
    else setTimeout(look, LATER_MS);
  };
  setImmediate(look);
  try {
    await work();
  } finally {
    isDone = true;
  }
  // Who never gives others their turn is not looked at.
  expect(turns).toBeGreaterThan(4);
  return most;
}

export function enduranceConformance(make: MakeEngineSubject): void {
  test("a journal far larger than the memory it may take is verified, read, exported, resumed and replayed", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using subject = await make();
    let id = "";
    const growth: Record<string, number> = {};
    {
      await using engine = await subject.open();
      ({ id } = await engine.start(long, null, { tenantId: TENANT }));
      growth.live = await growthDuring(() => until(async () => (await engine.get(TENANT, id)).status === "waiting"));
      growth.verify = await growthDuring(async () => {
        expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true, records: RECORDS + 2 });
      });
      growth.read = await growthDuring(async () => {
        let records = 0;
        for await (const { seq } of engine.journal(TENANT, id)) {
          records = seq;
          // As whoever sends it on does.
          if (seq % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(records).toBe(RECORDS + 2);
      });
      growth.export = await growthDuring(async () => {
        let bytes = 0;
        for await (const line of engine.export(TENANT, id)) bytes += line.length;
        expect(bytes).toBeGreaterThan(RECORDS * RECORD_BYTES);
      });
    }
    await using engine = await subject.open();
    growth.resume = await growthDuring(async () => {
      engine.register(long);
      await until(async () => (await engine.get(TENANT, id)).resumes === 1);
    });
    await engine.signal(TENANT, id, "go");
    expect(await engine.result(TENANT, id)).toBe(RECORDS);
    growth.replay = await growthDuring(async () => {
      expect(await engine.replay(TENANT, id)).toMatchObject({ identical: true });
    });
    expect(Object.entries(growth).filter(([, bytes]) => bytes > MAX_GROWTH_BYTES)).toEqual([]);
  });

  test("a disk that is full in the midst of a run stops it with a code; with room it goes on from its journal", {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using subject = await make();
    for (const size of [10, 70_000]) {
      const disk = { isFull: false };
      await using engine = await subject.open({ disk });
      const done: string[] = [];
      const program = defineProgram({
        name: `fills-${size}`,
        version: "1",
        input: z.null(),
        output: z.array(z.string()),
        run: async (ctx) => {
          const step = (name: string) =>
            ctx.step(name, null, (_, { idempotencyKey }) => {
              done.push(name);
              if (name === "second" && done.length === 2) disk.isFull = true;
              return `${idempotencyKey} ${"x".repeat(size)}`;
            });
          return [await step("first"), await step("second"), await step("third")];
        },
      });
      const { id, result } = await engine.start(program, null, { tenantId: TENANT });
      await expect(result()).rejects.toMatchObject({ code: "store_failed" });
      expect(done).toEqual(["first", "second"]);
      const before = (await collect(engine.journal(TENANT, id))).map(({ hash }) => hash);
      expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true, records: before.length });
      await expect(engine.start(program, null, { tenantId: TENANT })).rejects.toMatchObject({ code: "store_failed" });
      expect((await engine.list(TENANT, { program: program.name })).items).toHaveLength(1);
      disk.isFull = false;
      await engine.resume(TENANT, id);
      expect(await engine.result(TENANT, id)).toHaveLength(3);
      expect(done).toEqual(["first", "second", "second", "third"]);
      const after = (await collect(engine.journal(TENANT, id))).map(({ hash }) => hash);
      expect(after.slice(0, before.length)).toEqual(before);
      expect(await engine.replay(TENANT, id)).toMatchObject({ identical: true });
    }
  });
}
