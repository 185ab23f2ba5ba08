import { Glovebox, isGloveboxError } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completions, decisionsOf, PYTHON, runFlow, SLOW, startFlow, TYPESCRIPT, UNFIXABLE } from "../support/flows.ts";
import { processesWith } from "../support/processes.ts";
import { startServer, type TestServer } from "../support/server.ts";

describe("flows on a server, without a model", { timeout: 180_000 }, () => {
  let server: TestServer;
  let box: Glovebox;
  beforeAll(async () => {
    server = await startServer();
    box = await Glovebox.connect(server);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "no error",
      (error: unknown) => (isGloveboxError(error) ? error.code : String(error)),
    );

  test("feature-add writes code with passing tests, twice the same to the byte", async () => {
    const start = { flow: "feature-add", input: { goal: "add two numbers" } };
    const files = {
      "shapes.py": '"""Shapes."""\n\n\ndef area(side):\n    """Of a square."""\n    return side * side\n',
      "test_shapes.py":
        "import unittest\n\nfrom shapes import area\n\n\nclass ShapesTest(unittest.TestCase):\n    def test_area(self):\n        self.assertEqual(area(3), 9)\n",
    };
    const [first, second] = [await runFlow(box, files, start), await runFlow(box, files, start)];
    expect(first).toMatchObject({ status: "completed", flow: "feature-add", tests: { status: "passed", failed: 0 } });
    expect(first.tests?.passed).toBeGreaterThan(0);
    expect(first.diff).toContain("+def add(");
    expect(first.branch).toMatch(/^glovebox\/feature-add-[0-9a-f]{10}$/);
    expect({ ...second, runId: "" }).toEqual({ ...first, runId: "" });
    expect(await decisionsOf(box, second.runId)).toEqual(await decisionsOf(box, first.runId));
    expect(await box.runs.replay(first.runId)).toMatchObject({ identical: true });
    const exported = await new Response(await box.runs.export(first.runId)).text();
    await box.runs.delete(first.runId);
    expect(await codeOf(box.runs.import(exported.replace("+def add(", "+def adx(")))).toBe("journal_corrupt");
  });

  test("fix-failing finds an off-by-one in Python and a wrong operator in TypeScript, and tells each failure apart", async () => {
    const python = await runFlow(box, PYTHON, { flow: "fix-failing" });
    expect(python).toMatchObject({ status: "completed", tests: { status: "passed", passed: 3 } });
    expect(python.changes.map(({ path }) => path)).toEqual(["ranges.py"]);
    expect(await box.runs.replay(python.runId)).toMatchObject({ identical: true });
    const typescript = await runFlow(box, TYPESCRIPT, { flow: "fix-failing" });
    expect(typescript).toMatchObject({ status: "completed", tests: { status: "passed", passed: 3 } });
    expect(typescript.diff).toContain("+  return Math.max(0, Math.round(cents - off));");
    const lessons = await box.context.search({ query: "ranges test_some" });
    expect(lessons.hits.length).toBeGreaterThan(0);
  });

  test("what cannot be repaired ends with the lines that are most likely at fault, and without a change", async () => {
    const view = await runFlow(box, UNFIXABLE, { flow: "fix-failing", input: { candidates: 60 } });
    expect(view).toMatchObject({
      status: "failed",
      branch: null,
      diff: "",
      tests: { failing: ["test_words.py::WordsTest.test_more"] },
    });
    expect(view.suspects?.[0]).toMatchObject({ path: "words.py" });
    expect((await box.runs.get(view.runId)).status).toBe("completed");
  });

  test("repositories without tests, with tests that hang, flake or write about are told for what they are", async () => {
    const none = await runFlow(box, { "README.md": "nothing\n" }, { flow: "fix-failing" });
    expect(none).toMatchObject({ status: "failed", reason: expect.stringContaining("tests") });
    const flaky = await runFlow(
      box,
      {
        "test_flaky.py": `import os, unittest
class FlakyTest(unittest.TestCase):
    def test_flaky(self):
        # What it leaves beside the repository is there when it runs again.
        seen = os.path.exists("/tmp/seen")
        open("/tmp/seen", "w").close()
        open("litter.txt", "w").close()
        self.assertTrue(seen)
`,
      },
      { flow: "fix-failing" },
    );
    expect(flaky).toMatchObject({
      status: "failed",
      diff: "",
      tests: { flaky: ["test_flaky.py::FlakyTest.test_flaky"] },
    });
    const hanging = {
      "test_hang.py":
        "import time, unittest\nclass HangTest(unittest.TestCase):\n    def test_hang(self):\n        time.sleep(987124)\n",
    };
    const hung = await runFlow(box, hanging, {
      flow: "fix-failing",
      input: { test_timeout_ms: 400, candidates: 5, reruns: 0 },
    });
    expect(hung).toMatchObject({ status: "failed", diff: "" });
  });

  test("what is no goal for the templates is refused, with what would do", async () => {
    const view = await runFlow(box, PYTHON, { flow: "feature-add", input: { goal: "make it nicer" } });
    expect(view).toMatchObject({ status: "failed", branch: null, reason: expect.stringMatching(/\w/) });
    const spec = {
      name: "twice",
      params: [{ name: "n" }],
      doc: "Twice as much.",
      body: "return n * 2",
      examples: [{ args: [2], returns: 4 }],
    };
    const made = await runFlow(box, { "README.md": "", "a.py": "A = 1\n" }, { flow: "feature-add", input: { spec } });
    expect(made).toMatchObject({ status: "completed", tests: { status: "passed" } });
  });

  test("a cancelled flow is gone within a second of its end, with its processes", async () => {
    const id = await startFlow(box, SLOW, { flow: "fix-failing", input: { test_timeout_ms: 600_000 } });
    await expect.poll(() => processesWith("987123"), { timeout: 60_000 }).toBeGreaterThan(0);
    await box.runs.cancel(id, "enough");
    await box.runs.wait(id);
    await expect.poll(() => processesWith("987123"), { timeout: 1_500 }).toBe(0);
    expect(await box.flows.run(id)).toMatchObject({ status: "cancelled", diff: "", branch: null });
  });

  test("a rollback takes run and repository back together", async () => {
    const definition = `name: twice
steps:
  - {id: write, agent: codegen, input: {file: {path: a.txt, content: "one\\n"}}}
  - {id: sure, ask: What next?}
  - {id: more, agent: codegen, input: {file: {path: b.txt, content: "\${{ steps.sure.text }}\\n"}}}
`;
    const id = await startFlow(box, { "README.md": "x\n" }, { definition, setup: { snapshots: "after_each_step" } });
    const say = async (answer: string) => {
      await expect.poll(async () => (await box.runs.get(id)).status, { timeout: 30_000 }).toBe("waiting");
      await box.flows.answer(id, { answer });
      await box.runs.wait(id);
      return (await box.flows.run(id)).diff;
    };
    expect(await say("first")).toContain("+first");
    await box.runs.rollback(id, "answer:sure", "another answer");
    const again = await say("second");
    expect(again).toContain("+second");
    expect(again).toContain("+one");
    expect(again).not.toContain("+first");
    expect([...(await completions(box, id)).entries()].filter(([step]) => step === "repository")).toEqual([
      ["repository", 1],
    ]);
  });
});
