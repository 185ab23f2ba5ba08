import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { openSqliteStore, type Store } from "../../store/index.ts";
import {
  type DurableEngine,
  defineProgram,
  type JournalRecord,
  openEmbeddedEngine,
  type Program,
  type ProgramContext,
  type RunNode,
} from "../index.ts";
import { RunTree } from "./run-tree.ts";
import type { TreeRecord } from "./tree-record.ts";

const TENANT = "t";
let dataDir: string;
let store: Store;
let engine: DurableEngine;
let counter = 0;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-graph-"));
  store = await openSqliteStore({ dataDir });
  engine = await openEmbeddedEngine({ store });
});
afterAll(async () => {
  await engine?.close();
  await store?.[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

function programOf(run: (context: ProgramContext) => Promise<unknown>): Program {
  counter += 1;
  return defineProgram({ name: `p${counter}`, version: "1", input: z.unknown(), output: z.unknown(), run });
}

async function start(run: (context: ProgramContext) => Promise<unknown>): Promise<string> {
  return (await engine.start(programOf(run), null, { tenantId: TENANT })).id;
}

async function end(id: string): Promise<unknown> {
  return engine.result(TENANT, id, AbortSignal.timeout(30_000)).catch((error: GloveboxError) => error.code);
}

async function recordsOf(id: string): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const record of engine.journal(TENANT, id)) records.push(record);
  return records;
}

function treeOf(records: readonly TreeRecord[], options: { maxNodes?: number } = {}): RunTree {
  const tree = new RunTree(options);
  for (const record of records) tree.take(record);
  return tree;
}

async function statuses(id: string): Promise<Record<string, string>> {
  return statusesIn(treeOf(await recordsOf(id)));
}

function statusesIn(tree: RunTree): Record<string, string> {
  return Object.fromEntries(tree.graph().nodes.map(({ path, status }) => [path, status]));
}

async function until(id: string, type: string, step: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  for await (const record of engine.journal(TENANT, id, { follow: true, signal })) {
    if (record.type === type && record.step === step) return;
  }
}

async function dueOf(id: string, step: string): Promise<unknown> {
  const begun = (await recordsOf(id)).find((record) => record.step === step);
  const due = (begun?.payload as { readonly dueMs?: number } | undefined)?.dueMs;
  expect(due).toBeGreaterThan(begun?.ts ?? Number.POSITIVE_INFINITY);
  return due;
}

const never = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

describe("the graph of a real run", () => {
  it("has its operations within their branches, each behind what it was asked for after", async () => {
    const id = await start(async (context) => {
      await context.step("a", null, () => 1);
      await context.parallel({
        left: async (branch) => {
          await branch.step("x", null, () => 1);
          await branch.step("x", null, () => 2);
        },
        right: (branch) => branch.parallel({ deep: (inner) => inner.step("y", null, () => 1) }, { name: "inner" }),
      });
      await Promise.all([context.step("b", null, () => 1), context.sleep(1)]);
      await context.step("c", null, () => 1);
      await context.now();
    });
    await end(id);
    const { nodes, edges, omitted } = treeOf(await recordsOf(id)).graph();
    expect(omitted).toBe(0);
    expect(nodes.map(({ path, kind, parent }) => [path, kind, parent])).toEqual([
      ["a", "step", undefined],
      ["parallel", "group", undefined],
      ["parallel/left", "branch", "parallel"],
      ["parallel/left/x", "step", "parallel/left"],
      ["parallel/right", "branch", "parallel"],
      ["parallel/right/inner", "group", "parallel/right"],
      ["parallel/right/inner/deep", "branch", "parallel/right/inner"],
      ["parallel/right/inner/deep/y", "step", "parallel/right/inner/deep"],
      ["parallel/left/x#2", "step", "parallel/left"],
      ["b", "step", undefined],
      ["sleep", "sleep", undefined],
      ["c", "step", undefined],
      ["now", "now", undefined],
    ]);
    for (const { path, status, startedAtMs = 0, endedAtMs = 0 } of nodes) {
      expect([path, status, endedAtMs >= startedAtMs && startedAtMs > 0]).toEqual([path, "completed", true]);
    }
    const before = (to: string) => edges.flatMap((edge) => (edge.to === to ? [edge.from] : []));
    expect(["a", "parallel", "parallel/left", "parallel/left/x", "parallel/left/x#2"].map(before)).toEqual([
      [],
      ["a"],
      ["parallel"],
      ["parallel/left"],
      ["parallel/left/x"],
    ]);
    expect(["parallel/right/inner/deep/y", "b", "sleep", "now"].map(before)).toEqual([
      ["parallel/right/inner/deep"],
      ["parallel"],
      ["parallel"],
      ["c"],
    ]);
    expect(before("c").toSorted()).toEqual(["b", "sleep"]);
  });

  it("tells what is waited for, which signal answered whom, and what a time limit ended", async () => {
    const id = await start(async (context) => {
      await context.waitFor("early");
      await context.waitFor("late", { approval: true, timeoutMs: 600_000 });
      await context.waitFor("vain", { timeoutMs: 1 }).catch(() => {});
      return context.sleep(3_600_000);
    });
    await until(id, "signal.waiting", "early");
    expect(await statuses(id)).toEqual({ early: "waiting" });
    await engine.signal(TENANT, id, "late", 1);
    await engine.signal(TENANT, id, "early", 2);
    await until(id, "step.started", "sleep");
    const tree = treeOf(await recordsOf(id));
    expect(statusesIn(tree)).toEqual({ early: "completed", late: "completed", vain: "failed", sleep: "waiting" });
    const sleep = tree.graph().nodes.at(-1);
    expect(sleep?.waitsFor).toEqual({ kind: "timer", untilMs: await dueOf(id, "sleep") });
    const early = (await recordsOf(id)).filter(({ type, step }) => type !== "signal.received" && step !== "sleep");
    const waiting = treeOf(early)
      .graph()
      .nodes.find(({ path }) => path === "late");
    expect(waiting).toMatchObject({ status: "waiting", waitsFor: { kind: "approval", name: "late" } });
    expect(waiting?.waitsFor?.untilMs).toBe(await dueOf(id, "late"));
    await engine.cancel(TENANT, id);
    await end(id);
    expect((await statuses(id)).sleep).toBe("cancelled");
  });

  it("shows attempts, what failed, and the branches that a failure or the first of several ended", async () => {
    let calls = 0;
    const id = await start(async (context) => {
      await context.step(
        "flaky",
        null,
        () => {
          calls += 1;
          if (calls < 3) throw new GloveboxError("unavailable", "away");
        },
        { retry: { firstDelayMs: 1 } },
      );
      const fails = context.parallel({
        bad: (branch) => branch.step("bad", null, () => Promise.reject(new GloveboxError("test_failed", "red"))),
        slow: (branch) => branch.step("slow", null, (_, { signal }) => never(signal)),
      });
      await fails.catch(() => {});
      await context.step("after", null, () => 1);
      await context.waitAny({ quick: (branch) => branch.sleep(1), slow: (branch) => branch.waitFor("x") });
      await context.waitFor("x");
    });
    await until(id, "signal.waiting", "x");
    await engine.signal(TENANT, id, "x");
    await end(id);
    const tree = treeOf(await recordsOf(id));
    expect(statusesIn(tree)).toEqual({
      flaky: "completed",
      parallel: "failed",
      "parallel/bad": "failed",
      "parallel/bad/bad": "failed",
      "parallel/slow": "cancelled",
      "parallel/slow/slow": "cancelled",
      after: "completed",
      waitAny: "completed",
      "waitAny/quick": "completed",
      "waitAny/quick/sleep": "completed",
      "waitAny/slow": "cancelled",
      "waitAny/slow/x": "cancelled",
      x: "completed",
    });
    const byPath = new Map(tree.graph().nodes.map((node) => [node.path, node]));
    expect(byPath.get("flaky")?.attempts).toBe(3);
    expect(byPath.get("waitAny")?.kind).toBe("wait_any");
    expect(byPath.get("parallel/bad/bad")?.error).toEqual({ code: "test_failed", message: "red" });
    const atRetry = (await recordsOf(id)).slice(0, 3);
    expect(treeOf(atRetry).graph().nodes[0]).toMatchObject({
      status: "waiting",
      attempts: 1,
      waitsFor: { kind: "retry" },
      error: { code: "unavailable" },
    });
  });

  it("blames the branch whose error ended the run, although it tidied up after it", async () => {
    const id = await start((context) =>
      context.parallel({
        bad: async (branch) => {
          try {
            await branch.step("work", null, () => Promise.reject(new GloveboxError("test_failed", "red")));
          } finally {
            await branch.step("tidy", null, () => 1).catch(() => {});
          }
        },
        good: (branch) => branch.step("work", null, () => 1),
      }),
    );
    expect(await end(id)).toBe("test_failed");
    expect(await statuses(id)).toMatchObject({
      parallel: "failed",
      "parallel/bad": "failed",
      "parallel/bad/work": "failed",
      "parallel/good": "completed",
    });
  });

  it("links a child's run, and puts what undoes steps beside them", async () => {
    const child = programOf((context) => context.step("inner", null, () => 7));
    const id = await start(async (context) => {
      await context.step("book", null, () => 1, { compensate: () => {} });
      await context.child(child, null, { name: "sub" });
      await context.waitFor("never");
    });
    await until(id, "signal.waiting", "never");
    const sub = treeOf(await recordsOf(id))
      .graph()
      .nodes.find(({ path }) => path === "sub");
    expect((await engine.list(TENANT, { parentId: id })).items.map((run) => run.id)).toEqual([sub?.childRunId]);
    await engine.cancel(TENANT, id);
    await end(id);
    expect(await statuses(id)).toEqual({
      book: "completed",
      sub: "completed",
      never: "cancelled",
      compensate: "completed",
      "compensate/book": "completed",
    });
  });

  it("makes void what a rollback took back, and goes on from there", async () => {
    const id = await start(async (context) => {
      await context.step("a", null, () => 1);
      await context.parallel({
        one: (branch) => branch.waitFor("go"),
        two: async (branch) => {
          await branch.step("b", null, () => 1);
          await branch.step("b", null, () => 1);
        },
      });
      await context.step("c", null, () => 1);
      await context.waitFor("done");
    });
    await until(id, "step.completed", "parallel/two/b#2");
    await engine.signal(TENANT, id, "go");
    await until(id, "signal.waiting", "done");
    await engine.rollback(TENANT, id, { step: "parallel/two/b#2" });
    const records = await recordsOf(id);
    const rollback = records.findIndex(({ type }) => type === "rollback");
    const tree = treeOf(records.slice(0, rollback + 1));
    expect(statusesIn(tree)).toEqual({
      a: "completed",
      parallel: "waiting",
      "parallel/one": "waiting",
      "parallel/one/go": "waiting",
      "parallel/two": "void",
      "parallel/two/b": "completed",
      "parallel/two/b#2": "void",
      c: "void",
      done: "void",
    });
    await until(id, "step.completed", "parallel/two/b#2");
    await engine.signal(TENANT, id, "go");
    await engine.signal(TENANT, id, "done");
    await end(id);
    const after = await statuses(id);
    expect(new Set(Object.values(after))).toEqual(new Set(["completed"]));
    expect(await engine.get(TENANT, id)).toMatchObject({ status: "completed" });
  });

  it("is the same taken at once as followed, and by any reader", async () => {
    const id = await start(async (context) => {
      for (let at = 0; at < 20; at += 1) await context.step("s", at, () => at);
    });
    const followed = new RunTree();
    const signal = AbortSignal.timeout(30_000);
    for await (const record of engine.journal(TENANT, id, { follow: true, signal })) followed.take(record);
    expect(followed.graph()).toEqual(treeOf(await recordsOf(id)).graph());
  });
});

describe("a huge journal", () => {
  const step = (seq: number, type: string, path: string): TreeRecord => ({
    seq,
    ts: seq,
    type,
    step: path,
    attempt: 1,
    payload: { kind: "step" },
  });

  it("leaves out what completed first, keeps what is on or failed, and says how many", () => {
    const tree = new RunTree({ maxNodes: 50 });
    tree.take(step(1, "step.started", "open"));
    tree.take(step(2, "step.started", "bad"));
    tree.take({ ...step(3, "step.failed", "bad"), payload: { kind: "step", error: { code: "internal" } } });
    for (let at = 0; at < 5000; at += 1) {
      const path = `parallel#${at + 2}/branch/step`;
      tree.take(step(4 + at * 2, "step.started", path));
      tree.take(step(5 + at * 2, "step.completed", path));
    }
    const { nodes, omitted, edges } = tree.graph();
    expect(nodes.length).toBeLessThanOrEqual(50);
    const kept = nodes.filter(({ kind }) => kind === "step");
    expect(kept.length + omitted).toBe(5002);
    expect(kept[0]?.path).toBe("open");
    expect(kept.at(-1)?.path).toBe("parallel#5001/branch/step");
    const paths = new Set(nodes.map(({ path }) => path));
    for (const { from, to } of edges) expect(paths.has(from) && paths.has(to)).toBe(true);
    for (const { parent } of nodes) if (parent !== undefined) expect(paths.has(parent)).toBe(true);
  });

  it("counts what found no room, and does not show it when it completes", () => {
    const tree = new RunTree({ maxNodes: 3 });
    for (let at = 1; at <= 10; at += 1) tree.take(step(at, "step.started", `s${at}`));
    for (let at = 1; at <= 10; at += 1) tree.take(step(10 + at, "step.completed", `s${at}`));
    expect(tree.graph()).toMatchObject({ omitted: 7 });
    expect(tree.graph().nodes.map(({ path }) => path)).toEqual(["s1", "s2", "s3"]);
  });
});

describe("whatever a journal says", () => {
  const path = fc.oneof(
    fc.constantFrom("a", "a#2", "g/k/a", "g/k/h/j/b", "compensate/a", "", "/", "//", "a/", "constructor", "__proto__"),
    fc.string({ maxLength: 20 }),
  );
  const payload = fc.oneof(
    fc.anything(),
    fc.record(
      {
        kind: fc.constantFrom("step", "wait", "sleep", "child", "wait_any", "now", "compensation", "group", "x"),
        signal: fc.constantFrom("s", "$cancel", "$deadline", 5),
        dueMs: fc.oneof(fc.double(), fc.string()),
        toSeq: fc.integer({ min: -1, max: 30 }),
        timedOut: fc.boolean(),
        error: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  );
  const type = fc.constantFrom(
    ...["step.started", "step.completed", "step.failed", "step.retried", "signal.waiting", "signal.received"],
    ...["run.resumed", "run.failed", "rollback", "budget.exceeded", "toString", "llm.called"],
  );
  const records = fc.array(fc.record({ type, step: fc.option(path, { nil: undefined }), payload }), { maxLength: 60 });

  it("the graph hangs together, within its bounds", () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 2, max: 20 }), (drafts, maxNodes) => {
        const tree = treeOf(
          drafts.map((draft, index) => ({ ...draft, seq: index + 1, ts: index })),
          { maxNodes },
        );
        const { nodes, edges, omitted } = tree.graph();
        expect(nodes.length).toBeLessThanOrEqual(maxNodes);
        expect(omitted).toBeGreaterThanOrEqual(0);
        const seen = new Set<string>();
        for (const { path: own, parent } of nodes) {
          if (parent !== undefined) expect(seen.has(parent)).toBe(true);
          seen.add(own);
        }
        for (const { from, to } of edges) expect(seen.has(from) && seen.has(to)).toBe(true);
        checkGroups(nodes);
      }),
      { numRuns: 500 },
    );
  });

  /** What is open below makes what is above open, too. */
  function checkGroups(nodes: readonly RunNode[]): void {
    const open = new Set(["pending", "running", "waiting"]);
    const byPath = new Map(nodes.map((node) => [node.path, node]));
    for (const node of nodes) {
      const above = byPath.get(node.parent ?? "");
      if (above !== undefined && open.has(node.status))
        expect([above.path, open.has(above.status)]).toEqual([above.path, true]);
    }
  }
});
