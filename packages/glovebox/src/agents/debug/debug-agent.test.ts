import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedProvider } from "../../models/scripted-provider.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { runTests } from "../test-exec/run-tests.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { debugAgent } from "./debug-agent.ts";

const SPANS = `def covered(spans):
    total = 0
    for at in range(1, len(spans)):
        start, end = spans[at]
        total += end - start
    return total


def longest(spans):
    return max((end - start for start, end in spans), default=0)
`;
const SPANS_TEST = `import unittest
from spans import covered, longest


class TestSpans(unittest.TestCase):
    def test_covered(self):
        self.assertEqual(covered([(1, 3), (5, 6)]), 3)

    def test_nothing(self):
        self.assertEqual(covered([]), 0)

    def test_longest(self):
        self.assertEqual(longest([(1, 3), (5, 6)]), 2)
`;

/** No change that is known repairs it: what it should compute is nowhere to be seen. */
const CODE = `def checksum(text):
    total = 0
    for char in text:
        total += ord(char)
    return total


def label(text):
    return text + "!"
`;
const CODE_TEST = `import unittest
from code_of import checksum, label


class TestCode(unittest.TestCase):
    def test_checksum(self):
        self.assertEqual([checksum("ab"), checksum("ba"), checksum("c")], [97 * 31 + 98, 98 * 31 + 97, 99])

    def test_label(self):
        self.assertEqual(label("a"), "a!")
`;

describe("debug", () => {
  let stage: AgentStage;
  beforeAll(async () => {
    stage = await openAgentStage();
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  it("finds and repairs an off-by-one in Python; the same each time; and then there is nothing to repair", async () => {
    await stage.withHost({ "spans.py": SPANS, "test_spans.py": SPANS_TEST }, async (host) => {
      const outcome = await workOn(debugAgent, host, {});
      const diff = diffOf(outcome);
      expect(diff.text).toContain("-    for at in range(1, len(spans)):\n+    for at in range(0, len(spans)):\n");
      expect(suspectsOf(outcome)[0]).toMatchObject({ path: "spans.py", line: 3, score: 1 });
      expect(await workOn(debugAgent, host, {})).toEqual(outcome);
      expect(await host.bench.diff("untouched")).toMatchObject({ text: "" });
      await host.bench.apply("apply", diff);
      expect((await runTests(host.bench, "afterwards")).status).toBe("passed");
      expect((await workOn(debugAgent, host, {})).delta).toMatchObject({
        kind: "summary",
        text: expect.stringContaining("nothing to repair"),
      });
    });
  });

  it("repairs a wrong operator in TypeScript, and two faults with two changes", async () => {
    const files = {
      "shop.ts":
        "export const net = (price: number, count: number): number => price + count;\n\nexport function isFree(cents: number): boolean {\n  return cents > 5000;\n}\n",
      "shop.test.ts":
        'import assert from "node:assert/strict";\nimport { describe, it, test } from "node:test";\nimport { isFree, net } from "./shop.ts";\ntest("net", () => assert.equal(net(3, 4), 12));\ndescribe("free", () => {\n  it("is at the bound", () => assert.equal(isFree(5000), true));\n  it("is not below", () => assert.equal(isFree(4999), false));\n});\n',
    };
    await stage.withHost(
      files,
      async (host) => {
        const one = diffOf(await workOn(debugAgent, host, { tests: ["shop.test.ts::net"] }));
        expect(one.text).toContain("price * count");
        expect(one.text).not.toContain("+  return");
        const both = diffOf(await workOn(debugAgent, host, {}));
        expect(both.text).toContain("price * count");
        expect(both.text).toContain("cents >= 5000");
      },
      { template: "node" },
    );
  });

  it("asks the runner itself where tests do not come out the same in processes of ours", async () => {
    const files = {
      "size.mjs": "export const size = (list) => list.length + 1;\n",
      "size.test.mjs":
        'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { size } from "./size.mjs";\ntest("size", () => assert.equal(size([1, 2]), 2));\ntest("alone", () => assert.equal(process.send, undefined));\n',
    };
    const work = (host: Parameters<Parameters<AgentStage["withHost"]>[1]>[0]) =>
      workOn(debugAgent, host, { budget: { candidates: 5 } });
    const outcome = await stage.withHost(files, work, { template: "node" });
    expect(diffOf(outcome).text).toContain("+export const size = (list) => list.length;");
  });

  it("ends what never ends, and repairs it", async () => {
    const files = {
      "steps.py":
        "def steps(n):\n    count = 0\n    while n > 0:\n        count += 1\n    return count\n\n\ndef twice(n):\n    return n * 2\n",
      "test_steps.py":
        "import unittest\nfrom steps import steps, twice\n\n\nclass TestSteps(unittest.TestCase):\n    def test_steps(self):\n        self.assertEqual(steps(3), 3)\n\n    def test_twice(self):\n        self.assertEqual(twice(3), 6)\n",
    };
    const outcome = await stage.withHost(files, (host) => workOn(debugAgent, host, { testTimeoutMs: 1_000 }));
    expect(diffOf(outcome).text).toContain("+        n -= 1\n");
  }, 180_000);

  it("says honestly what it cannot repair, with the suspects, within its budget; and asks a model where there is one", async () => {
    const files = { "code_of.py": CODE, "test_code.py": CODE_TEST };
    const patches = [
      { path: "test_code.py", from: 8, to: 8, text: "        pass" },
      { path: "code_of.py", from: 4, to: 4, text: "        total = total * 30 + ord(char)" },
      { path: "code_of.py", from: 4, to: 4, text: "        total = total * 31 + ord(char)" },
    ];
    const provider = new ScriptedProvider({
      answers: [{ text: JSON.stringify({ patches }), toolCalls: [], delayMs: 0 }],
    });
    const budget = { candidates: 30 };
    await stage.withHost(files, async (host) => {
      const alone = await workOn(debugAgent, host, { budget });
      expect(alone.delta).toMatchObject({
        kind: "summary",
        text: "1 test fails. The most suspicious line is code_of.py:4. No repair was found with 30 changes: the budget of candidates is used up.",
        data: {
          tried: 30,
          ended: "candidates",
          failing: [{ test: "test_code.py::TestCode.test_checksum", kind: "assertion" }],
        },
      });
      expect(
        suspectsOf(alone)
          .slice(0, 3)
          .map(({ line }) => line),
      ).toContain(4);
      const looked = await workOn(debugAgent, host, { repair: false });
      expect(looked.delta.kind).toBe("summary");
      const model = { provider, model: "scripted", seed: 0 };
      const helped = await workOn(debugAgent, { ...host, model }, { budget });
      expect(diffOf(helped).files.map(({ path }) => path)).toEqual(["code_of.py"]);
      expect(diffOf(helped).text).toContain("+        total = total * 31 + ord(char)\n");
    });
  });

  it("changes no test, also where only a test is wrong, and looks where modules cannot be loaded", async () => {
    const wrong = SPANS_TEST.replace("longest([(1, 3), (5, 6)]), 2", "longest([(1, 3), (5, 6)]), 77");
    const files = {
      "spans.py": SPANS.replace("range(1, len", "range(0, len"),
      "test_spans.py": wrong,
      "broken.py": "SIZES = [2, 3, 4]\nSIZE = SIZES[3]\n",
      "test_broken.py":
        "import unittest\nfrom broken import SIZE\n\n\nclass TestBroken(unittest.TestCase):\n    def test_size(self):\n        self.assertEqual(SIZE, 4)\n",
    };
    await stage.withHost(files, async (host) => {
      const tests = ["test_spans.py::TestSpans.test_longest"];
      const outcome = await workOn(debugAgent, host, { tests, budget: { candidates: 60 } });
      if (outcome.delta.kind === "diff") expect(outcome.delta.diff.files.map(({ path }) => path)).toEqual(["spans.py"]);
      const unloaded = await workOn(debugAgent, host, { tests: ["test_broken.py::import"], repair: false });
      expect(suspectsOf(unloaded)[0]).toMatchObject({ path: "broken.py", line: 2 });
      const loaded = await workOn(debugAgent, host, { tests: ["test_broken.py::import"], budget: { candidates: 60 } });
      expect(diffOf(loaded).text).toContain("+SIZE = SIZES[2]\n");
    });
  });
});

function diffOf({ delta }: AgentOutcome) {
  if (delta.kind !== "diff") throw new Error(`not repaired: ${JSON.stringify(delta)}`);
  return delta.diff;
}

function suspectsOf({ artifacts }: AgentOutcome) {
  const list = artifacts.find(({ kind }) => kind === "candidate_list");
  return list?.kind === "candidate_list" ? list.candidates : [];
}
