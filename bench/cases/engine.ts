import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { type DurableEngine, defineProgram, openEmbeddedEngine } from "../../packages/glovebox/src/engine/index.ts";
import { openSqliteStore } from "../../packages/glovebox/src/store/index.ts";
import type { Case } from "../harness.ts";

const TENANT = "bench";
const STEPS = 1000;
const RUNS = 16;
const RECORDS = 10_000;

interface Place extends AsyncDisposable {
  open(): Promise<DurableEngine>;
}

async function makePlace(): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  return {
    open: async () => {
      const store = await openSqliteStore({ dataDir });
      const engine = await openEmbeddedEngine({ store });
      const close: DurableEngine["close"] = engine.close.bind(engine);
      const closeBoth = async () => {
        await close();
        await store[Symbol.asyncDispose]();
      };
      return Object.assign(engine, { [Symbol.asyncDispose]: closeBoth });
    },
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

const samples: number[] = [];

/** Trivial steps one after the other; each one's time, from being asked for to being answered, goes to `samples`. */
const steps = defineProgram({
  name: "bench-steps",
  version: "1",
  input: z.number(),
  output: z.number(),
  run: async (ctx, count) => {
    for (let i = 0; i < count; i += 1) await ctx.step("s", i, (n) => n);
    return count;
  },
});

const timed = defineProgram({
  name: "bench-timed",
  version: "1",
  input: z.number(),
  output: z.number(),
  run: async (ctx, count) => {
    for (let i = 0; i < count; i += 1) {
      const start = process.hrtime.bigint();
      await ctx.step("s", i, (n) => n);
      samples.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    return count;
  },
});

/** Resumed, it has `RECORDS` records to read before it waits once more. */
const long = defineProgram({
  name: "bench-long",
  version: "1",
  input: z.number(),
  output: z.number(),
  run: async (ctx, count) => {
    for (let i = 0; i < count; i += 1) await ctx.step("s", i, (n) => n);
    await ctx.waitFor("go");
    return count;
  },
});

export const engineStep: Case = {
  name: "engine.step",
  unit: "ms",
  target: { better: "lower", p50: 1 },
  async run() {
    await using place = await makePlace();
    await using engine = await place.open();
    await (await engine.start(timed, 100, { tenantId: TENANT })).result();
    samples.length = 0;
    await (await engine.start(timed, STEPS, { tenantId: TENANT })).result();
    return { samples: [...samples], floor: { name: "SQLite WAL, one commit", samples: await bareCommits() } };
  },
};

export const engineSteps: Case = {
  name: "engine.steps",
  unit: "1/s",
  target: { better: "higher", p50: 2000 },
  async run() {
    await using place = await makePlace();
    await using engine = await place.open();
    const rates: number[] = [];
    for (let round = -1; round < 5; round += 1) {
      const start = performance.now();
      const handles = [];
      for (let i = 0; i < RUNS; i += 1) handles.push(await engine.start(steps, STEPS / 4, { tenantId: TENANT }));
      for (const handle of handles) await handle.result();
      if (round >= 0) rates.push((RUNS * STEPS) / 4 / ((performance.now() - start) / 1000));
    }
    const floor = (await bareCommits()).map((ms) => 1000 / ms);
    return { samples: rates, floor: { name: "SQLite WAL, a commit each, one at a time", samples: floor } };
  },
};

export const engineReplay: Case = {
  name: "engine.replay",
  unit: "1/s",
  target: { better: "higher", p50: 50_000 },
  async run() {
    await using place = await makePlace();
    await using engine = await place.open();
    const handle = await engine.start(steps, RECORDS / 2, { tenantId: TENANT });
    await handle.result();
    const rates: number[] = [];
    const floor: number[] = [];
    for (let round = -1; round < 8; round += 1) {
      const start = performance.now();
      const { records } = await engine.replay(TENANT, handle.id);
      const middle = performance.now();
      await engine.verify(TENANT, handle.id);
      if (round < 0) continue;
      rates.push(records / ((middle - start) / 1000));
      floor.push(records / ((performance.now() - middle) / 1000));
    }
    return { samples: rates, floor: { name: "reading and verifying alone", samples: floor } };
  },
};

export const engineResume: Case = {
  name: "engine.resume",
  unit: "ms",
  target: { better: "lower", p50: 1000 },
  async run() {
    await using place = await makePlace();
    let id = "";
    {
      await using engine = await place.open();
      ({ id } = await engine.start(long, RECORDS / 2, { tenantId: TENANT }));
      while ((await engine.get(TENANT, id)).status !== "waiting")
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const times: number[] = [];
    const floor: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await using engine = await place.open();
      const verified = performance.now();
      await engine.verify(TENANT, id);
      floor.push(performance.now() - verified);
      const start = performance.now();
      engine.register(long);
      while ((await engine.get(TENANT, id)).resumes !== round + 1)
        await new Promise((resolve) => setTimeout(resolve, 1));
      times.push(performance.now() - start);
    }
    return { samples: times, floor: { name: "reading and verifying alone", samples: floor } };
  },
};

/** Milliseconds of each commit of a step's two records. */
async function bareCommits(): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  const db = new Database(join(folder, "floor.db"));
  try {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.exec(
      "create table records (run text, seq integer, payload text, hash text, primary key (run, seq)) without rowid",
    );
    const insert = db.prepare("insert into records values ('run', ?, ?, ?)");
    const times: number[] = [];
    for (let i = 0; i < STEPS; i += 1) {
      const start = performance.now();
      db.exec("begin");
      insert.run(i * 2, '{"kind":"step","input":1}', "0".repeat(64));
      insert.run(i * 2 + 1, '{"kind":"step","result":1}', "0".repeat(64));
      db.exec("commit");
      times.push(performance.now() - start);
    }
    return times;
  } finally {
    db.close();
    await rm(folder, { recursive: true, force: true });
  }
}
