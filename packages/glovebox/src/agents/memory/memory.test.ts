import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ContextStore, openContextStore } from "../../context/index.ts";
import { type AgentsStage, openAgentsStage, TENANT } from "../testing/agents-stage.ts";
import { createRetrieve } from "./create-retrieve.ts";
import { confidenceOf, failurePattern, likeness } from "./lesson-document.ts";
import type { Lessons, RecalledLesson } from "./lessons.ts";
import type { Retrieve } from "./retrieve.ts";
import { createLessons } from "./store-lessons.ts";

let stage: AgentsStage;
let store: ContextStore;
let folder: string;
let lessons: Lessons;
let retrieve: Retrieve;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-lessons-"));
  store = openContextStore({ dataDir: folder, readers: 1 });
  lessons = createLessons(store);
  retrieve = createRetrieve(store);
  stage = await openAgentsStage();
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const LESSON = {
  failure: "IndexError: list index out of range at /tmp/run-17/repo/stats.py line 12",
  fix: "range(len(items) + 1) became range(len(items))",
  worked: true,
  agent: "debug",
  evidence: ["tests/test_stats.py::test_mean"],
};

/** What a run of that name gives; each call is a run of its own, replayed at once. */
async function inRun<T>(name: string, work: Parameters<AgentsStage["start"]>[1]): Promise<T> {
  const id = await stage.start(name, work);
  const result = (await stage.engine.result(TENANT, id)) as T;
  const before = await store.counts(TENANT);
  expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
  expect(await store.counts(TENANT)).toEqual(before);
  return result;
}

const recall = (failure: string) =>
  inRun<readonly RecalledLesson[]>("recall", (_desk, { run }) => lessons.recall(run, failure));

test("what one run learns, the next one recalls; the same again is the same lesson, with more evidence", {
  timeout: 30_000,
}, async () => {
  const again = "IndexError: list index out of range at /tmp/run-99/repo/stats.py line 40";
  expect(await recall(again)).toEqual([]);
  const id = await inRun<string>("learn", (_desk, { run }) => lessons.learn(run, LESSON));
  const [first] = await recall(again);
  expect(first).toMatchObject({ id, fix: LESSON.fix, worked: true, used: 1, helped: 0, confidence: 0.5 });
  expect(await inRun("learn", (_desk, { run }) => lessons.learn(run, { ...LESSON, failure: again }))).toBe(id);
  expect((await store.get(TENANT, id)).metadata.evidence).toHaveLength(2);
  expect(await recall("TypeError: cannot read properties of undefined")).toEqual([]);
  await inRun("helped", (_desk, { run }) => lessons.helped(run, [id, id, "0".repeat(32)]));
  const [second] = await recall(again);
  expect(second).toMatchObject({ used: 2, helped: 1 });
  expect(second?.confidence).toBeGreaterThan(first?.confidence ?? 1);
});

test("a lesson that does not help fades, and is recalled no more; nothing is recalled by another tenant", {
  timeout: 30_000,
}, async () => {
  const failure = "ModuleNotFoundError: No module named requests";
  await inRun("learn", (_desk, { run }) => lessons.learn(run, { ...LESSON, failure, fix: "wrote a stub" }));
  let uses = 0;
  while ((await recall(failure)).length > 0) uses += 1;
  expect(uses).toBe(8);
  const elsewhere = { ...LESSON, failure: "Segmentation fault in the parser of numbers" };
  const other = await stage.start("elsewhere", (_desk, { run }) =>
    lessons.learn({ ...run, tenantId: "other", step: run.step.bind(run) } as typeof run, elsewhere),
  );
  await stage.engine.result(TENANT, other);
  expect((await store.list("other")).items).toHaveLength(1);
  expect(await recall(elsewhere.failure)).toEqual([]);
});

test("what is known of the project is retrieved as a step, lessons left out", { timeout: 30_000 }, async () => {
  const content = "def mean(items):\n    return sum(items) / len(items)\n";
  await store.add(TENANT, [{ kind: "code", path: "stats.py", content, origin: "test" }]);
  const found = await inRun("retrieve", (_desk, { run }) => retrieve(run, "look", "mean of items", 3));
  expect(found).toMatchObject([{ kind: "code", path: "stats.py", lines: { start: 1 }, text: /def mean/ }]);
  expect(await inRun("nothing", (_desk, { run }) => retrieve(run, "look", "  "))).toEqual([]);
  await expect(inRun("many", (_desk, { run }) => retrieve(run, "look", "x", 51))).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("confidence is between 0 and 1, grows with help and evidence, falls with uses in vain", () => {
  const lesson = fc.record({ runs: fc.nat(20), used: fc.nat(100), helped: fc.nat(100) });
  const of = ({ runs, used, helped }: { runs: number; used: number; helped: number }) =>
    confidenceOf({
      evidence: Array.from({ length: runs }, (_, i) => ({ run: `${i}`, shows: "" })),
      used: used + helped,
      helped,
    });
  fc.assert(
    fc.property(lesson, (one) => {
      expect(of(one)).toBeGreaterThanOrEqual(0);
      expect(of(one)).toBeLessThanOrEqual(1);
      expect(of({ ...one, runs: one.runs + 1 })).toBeGreaterThanOrEqual(of(one));
      expect(of({ ...one, helped: one.helped + 1 })).toBeGreaterThanOrEqual(of(one));
      expect(of({ ...one, used: one.used + 1 })).toBeLessThanOrEqual(of(one));
    }),
    { numRuns: 200 },
  );
});

test("failures are compared without what changes from run to run", () => {
  expect(failurePattern("Error 17 at /a/b1/c.py:12 (0xdeadbeef99)")).toBe(
    failurePattern("Error 9 at /x/c.py:1 (0xdeadbeef12)"),
  );
  expect(likeness("IndexError: list index out of range", "indexerror: list index out of range (5)")).toBe(1);
  expect(likeness("IndexError: list index out of range", "")).toBe(0);
});
