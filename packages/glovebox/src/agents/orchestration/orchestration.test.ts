import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskGraph } from "../../engine/index.ts";
import { ScriptedProvider } from "../../models/scripted-provider.ts";
import type { Agent } from "../agent.ts";
import type { Diff } from "../messages/diff.ts";
import type { AgentResult } from "../messages/result.ts";
import { type AgentsStage, openAgentsStage, TENANT } from "../testing/agents-stage.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { evaluator } from "./evaluator.ts";
import { merger } from "./merger.ts";
import { planGoal } from "./plan-goal.ts";
import { planner } from "./planner.ts";
import { router } from "./router.ts";

let stage: AgentsStage;
beforeAll(async () => {
  stage = await openAgentsStage({ builtIn: [planner, router, merger, evaluator] });
});
afterAll(() => stage[Symbol.asyncDispose]());

type Data = Record<string, unknown>;

/** What an agent answers; `says`: the scripted model's words. Each run is replayed. */
async function ask(agent: Agent, payload: Data, says?: unknown) {
  const text = typeof says === "string" ? says : JSON.stringify(says);
  const provider = new ScriptedProvider({ answers: [{ text, toolCalls: [], delayMs: 0 }] });
  const id = await stage.start("ask", (desk, host) =>
    desk.dispatch(says === undefined ? host : { ...host, model: { provider, model: "script", seed: 1 } }, {
      ...{ type: agent.capabilities[0] ?? "plan", id: "t", agent: agent.name, payload },
    }),
  );
  const answer = (await stage.engine.result(TENANT, id)) as AgentResult & { error?: { code: string; message: string } };
  expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
  if (answer.error !== undefined) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
  const { delta, artifacts, newTasks } = answer.payload;
  return { delta, artifacts, newTasks, data: (delta.kind === "summary" ? delta.data : undefined) as Data };
}

describe("the planner", () => {
  const plan = (goal: string) => planGoal(goal, { verify: true }).map(({ id, after }) => [id, ...(after ?? [])]);

  test("splits goals by its rules", () => {
    expect(plan("add two numbers")).toEqual([["codegen-1"], ["test_exec-1", "codegen-1"]]);
    expect(plan("Fix the failing tests, then review the design")).toEqual([
      ["debug-1"],
      ["design_review-1", "debug-1"],
      ["test_exec-1", "design_review-1"],
    ]);
    expect(plan("Improve it:\n- scan for security problems\n- make parse() faster\n- write tests for parse()")).toEqual(
      [
        ["static_analysis-1"],
        ["performance-1"],
        ["testgen-1"],
        ["test_exec-1", "static_analysis-1", "performance-1", "testgen-1"],
      ],
    );
    expect(plan("1. add a function mean\n2. add a function median\n3. run the tests")).toEqual([
      ["codegen-1"],
      ["codegen-2", "codegen-1"],
      ["test_exec-1", "codegen-2"],
    ]);
    expect(plan("review the design; scan the code")).toHaveLength(2);
  });

  test("makes a graph of every goal, without a cycle, that begins somewhere", () => {
    const words = fc.constantFrom(
      "fix",
      "add tests",
      "\n- ",
      "\n2. ",
      ";",
      " then ",
      "review",
      ". ",
      "é",
      "run the tests",
    );
    const goal = fc.array(fc.oneof(words, fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(goal, fc.boolean(), (parts, verify) => {
        const tasks = planGoal(parts.join(" "), { verify });
        const graph = new TaskGraph(tasks.map(({ id, after = [] }) => ({ id, after, task: null })));
        if (tasks.length > 0) expect(graph.takeReady().length).toBeGreaterThan(0);
        expect(planGoal(parts.join(" "), { verify })).toEqual(tasks);
      }),
      { numRuns: 300 },
    );
  });

  test("takes a model's plan if it holds, and says why it did not", async () => {
    const task = (id: string, ...after: string[]) => ({ id, type: "codegen", payload: { goal: id }, after });
    const goal = { goal: "add two numbers" };
    const good = await ask(planner, goal, { tasks: [task("a"), task("b", "a")] });
    expect(good.newTasks.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(good.artifacts).toMatchObject([{ kind: "selection", chosen: "model" }]);
    const refused: [unknown, RegExp][] = [
      [{ tasks: [task("a", "b"), task("b", "a")] }, /wait for each other/],
      [{ tasks: [task("a"), task("a")] }, /two tasks a/],
      [{ tasks: [{ ...task("a"), type: "rm -rf" }] }, /does not fit/],
      [{ tasks: [{ ...task("a"), type: "debug" }] }, /not allowed/],
      [{ tasks: ["a", "b", "c"].map((id) => task(id)) }, /total/],
      ["I would rather not", /not valid JSON/],
    ];
    for (const [says, why] of refused) {
      const { artifacts, newTasks } = await ask(
        planner,
        { ...goal, types: ["codegen", "test_exec"], maxTasks: 2 },
        says,
      );
      expect(newTasks.map(({ id }) => id)).toEqual(["codegen-1", "test_exec-1"]);
      expect(artifacts).toMatchObject([{ chosen: "rules", reason: why }]);
    }
    await expect(ask(planner, { ...goal, maxTasks: 1 })).rejects.toMatchObject({ code: "resource_exhausted" });
  });
});

describe("the router", () => {
  const among = [
    { name: "big", contextTokens: 100_000, price: 10 },
    { name: "cheap", contextTokens: 1_000, price: 1 },
    { name: "fixer", contextTokens: 50_000, price: 5, types: ["debug"] },
    { name: "writer", contextTokens: 50_000, price: 2, types: ["codegen"] },
  ];

  test("chooses by type, length and price", async () => {
    const chosen = async (text: string, more: Data = {}) => (await ask(router, { text, among, ...more })).data;
    expect(await chosen("fix the crash in parse")).toEqual({ type: "debug", chosen: "cheap", by: "rules" });
    expect(await chosen(`fix ${"x".repeat(10_000)}`)).toMatchObject({ chosen: "fixer" });
    expect(await chosen("x".repeat(10_000))).toMatchObject({ type: "codegen", chosen: "writer" });
    expect(await chosen("x".repeat(190_000))).toMatchObject({ chosen: "big" });
    expect(await chosen("x".repeat(10_000), { type: "testgen" })).toMatchObject({ chosen: "big" });
    const nobody = await ask(router, { text: "x".repeat(10_000), among: [among[1]] });
    expect(nobody.artifacts).toMatchObject([{ chosen: null, reason: /nobody/ }]);
    expect((await ask(router, { text: "profile it" })).data).toEqual({ type: "performance", by: "rules" });
  });

  test("takes a model's choice among those that are able, and no other", async () => {
    const choose = async (name: string) =>
      (await ask(router, { text: "fix it", among }, { name, reason: "I like it" })).data;
    expect(await choose("big")).toMatchObject({ chosen: "big", by: "model" });
    expect(await choose("elsewhere")).toMatchObject({ chosen: "cheap", by: "rules" });
  });
});

describe("the merger", () => {
  const before = "one\ntwo\nthree\nfour\nfive\nsix\n";
  const files = [{ path: "a.txt", content: before }];
  const diff = (after: string | null, path = "a.txt", from: string | null = before): Diff =>
    makeDiff([{ path, before: from, after }]);
  const textOf = (delta: { kind: string; diff?: Diff }) => delta.diff?.text;

  test("joins what goes together, leaves out whole what does not, and says where", async () => {
    const first = diff(before.replace("one", "ONE"));
    const second = diff(before.replace("six", "SIX"));
    const clash = makeDiff([
      { path: "a.txt", before, after: before.replace("one", "eins") },
      { path: "b.txt", before: null, after: "new\n" },
    ]);
    const diffs = [
      { id: "first", diff: first },
      { id: "clash", diff: clash },
      { id: "second", diff: second },
      { id: "same", diff: first },
    ];
    const { delta, artifacts } = await ask(merger, { diffs, files });
    expect(textOf(delta)).toBe(diff(before.replace("one", "ONE").replace("six", "SIX")).text);
    expect(artifacts).toMatchObject([
      { kind: "selection", chosen: "first, second, same" },
      { kind: "analysis", target: "clash", path: "a.txt", line: 1, details: /ours:\nONE\ntheirs:\neins/ },
    ]);
  });

  test("refuses what was made from another version, lies about itself, or deletes what another changes", async () => {
    const drifted = diff("other\nnew\n", "a.txt", "other\n");
    const [file] = diff("x\n").files;
    const lying = { ...diff(before.replace("two", "zwei")), files: file === undefined ? [] : [file] };
    const changed = diff(before.replace("two", "2"));
    const gone = diff(null);
    const diffs = Object.entries({ drifted, lying, changed, gone }).map(([id, one]) => ({ id, diff: one }));
    const { artifacts } = await ask(merger, { diffs, files });
    expect(artifacts).toMatchObject([
      { chosen: "changed" },
      { target: "drifted", details: /another version/ },
      { target: "lying", details: /what it says/ },
      { target: "gone", details: /deletes what the other changes/ },
    ]);
    await expect(ask(merger, { diffs })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("takes a model's resolution of a place if it has no marks and parses", async () => {
    const code = "def f(a):\n    return a\n";
    const of = (line: string) => makeDiff([{ path: "f.py", before: code, after: `def f(a):\n    ${line}\n` }]);
    const payload = {
      diffs: ["return a + 1", "return a * 2"].map((line, i) => ({ id: `d${i}`, diff: of(line) })),
      files: [{ path: "f.py", content: code }],
    };
    const resolved = (place: string) => ask(merger, payload, { files: [{ path: "f.py", places: [place] }] });
    const good = await resolved("    return (a + 1) * 2");
    expect(textOf(good.delta)).toContain("+    return (a + 1) * 2\n");
    for (const bad of ["    return (((", "<<<<<<< merged\n    return 1", ">>>>>>> d1"]) {
      const { delta, artifacts } = await resolved(bad);
      expect(textOf(delta)).toBe(of("return a + 1").text);
      expect(artifacts).toMatchObject([{ chosen: "d0" }, { target: "d1" }]);
    }
  });

  test("joins changes of different lines whatever their order", async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `line ${i}`);
    const base = `${lines.join("\n")}\n`;
    const change = (at: number) =>
      makeDiff([{ path: "a", before: base, after: `${lines.with(at, `new ${at}`).join("\n")}\n` }]);
    for (const order of [
      [0, 5, 11],
      [11, 0, 5],
      [5, 11, 0],
    ]) {
      const diffs = order.map((at) => ({ id: `d${at}`, diff: change(at) }));
      const { delta } = await ask(merger, { diffs, files: [{ path: "a", content: base }] });
      const all = lines.map((line, i) => (order.includes(i) ? `new ${i}` : line));
      expect(textOf(delta)).toBe(makeDiff([{ path: "a", before: base, after: `${all.join("\n")}\n` }]).text);
    }
  });
});

describe("the evaluator", () => {
  const changes = [{ path: "src/f.py", before: "def f():\n    return 1\n", after: "def f():\n    return 2\n" }];
  const passed = [{ name: "t::a", status: "passed" }];
  const judge = async (criteria: Data, more: Data = {}, says?: unknown) =>
    (await ask(evaluator, { criteria, changes, tests: passed, ...more }, says)).data;

  test("accepts what meets every criterion, and says of each what is wrong", async () => {
    const all = {
      testsGreen: true,
      maxDiffLines: 2,
      maxFiles: 1,
      parses: true,
      noWeakenedTests: true,
      minCoverage: 0.5,
      within: ["src"],
    };
    expect(await judge(all, { coverage: 0.5 })).toMatchObject({ accepted: true, score: 1, feedback: "" });
    const wrong = async (criteria: Data, more?: Data) => {
      const { accepted, feedback } = await judge(criteria, more);
      expect(accepted).toBe(false);
      return feedback;
    };
    expect(await wrong({ testsGreen: true }, { tests: [...passed, { name: "t::b", status: "error" }] })).toMatch(
      /1 of 2.*t::b/,
    );
    expect(await wrong({ testsGreen: true }, { tests: [{ name: "t::b", status: "skipped" }] })).toMatch(/no test ran/);
    expect(await wrong({ maxDiffLines: 1 })).toMatch(/2 lines/);
    expect(await wrong({ maxFiles: 0 })).toMatch(/1 files/);
    expect(await wrong({ within: ["sr"] })).toMatch(/src\/f\.py/);
    expect(await wrong({ minCoverage: 0.6 })).toMatch(/no coverage/);
    expect(await wrong({ minCoverage: 0.6 }, { coverage: 0.59 })).toMatch(/0\.59/);
    expect(await wrong({ parses: true }, { changes: [{ path: "f.py", before: null, after: "def f(:\n" }] })).toMatch(
      /f\.py:\d+/,
    );
    const test = "def test_f():\n    assert f() == 1\n";
    const weaker = [{ path: "tests/test_f.py", before: test, after: "def test_f():\n    pass\n" }];
    expect(await wrong({ noWeakenedTests: true }, { changes: weaker })).toMatch(/test_f/);
    expect(await judge({ testsGreen: true, maxFiles: 0 })).toMatchObject({ accepted: false, score: 0.5 });
    await expect(judge({})).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("a rubric is judged by a model, which cannot make good what is measured", async () => {
    const rubric = { rubric: "is it kind?" };
    expect(await judge(rubric)).toMatchObject({ accepted: false, feedback: /no model/ });
    expect(await judge(rubric, {}, { score: 0.9, feedback: "yes" })).toMatchObject({ accepted: true });
    expect(await judge(rubric, {}, { score: 0.5, feedback: "be kinder" })).toMatchObject({
      accepted: false,
      feedback: /be kinder/,
    });
    expect(await judge(rubric, {}, { score: 9 })).toMatchObject({ accepted: false, feedback: /does not fit/ });
    expect(await judge({ ...rubric, maxFiles: 0 }, {}, { score: 1, feedback: "" })).toMatchObject({ accepted: false });
  });
});
