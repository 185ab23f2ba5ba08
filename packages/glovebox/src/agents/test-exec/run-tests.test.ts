import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { runTests } from "./run-tests.ts";
import { testExecAgent } from "./test-exec-agent.ts";
import { TestReport } from "./test-report.ts";

const CALC = `"""Numbers."""
LIMIT = 3


def add(a, b):
    if a > LIMIT:
        return a
    return a + b


def loop():
    while True:
        pass
`;

const UNITTESTS = `import subprocess
import tempfile
import unittest

from calc import add, loop


class Adding(unittest.TestCase):
    def test_small(self):
        self.assertEqual(add(1, 2), 3)

    def test_large(self):
        self.assertEqual(add(5, 2), 7)

    def test_raises(self):
        raise KeyError(tempfile.mkdtemp())

    @unittest.skip("not yet")
    def test_later(self):
        pass

    def test_writes(self):
        with open("written.txt", "w") as file:
            file.write("by a test")
        subprocess.Popen(["sleep", "4321"])


class Looping(unittest.TestCase):
    def test_loop(self):
        loop()


class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise ValueError("no set-up")

    def test_never(self):
        pass
`;

const CALC_TS = `interface Options {
  readonly limit: number;
}

export function add(a: number, b: number, { limit }: Options = { limit: 3 }): number {
  if (a > limit) {
    return a;
  }
  return a + b;
}
`;

const NODE_TESTS = `import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { add } from "../src/calc.ts";

test("small", () => assert.equal(add(1, 2), 3));
describe("large", () => {
  it("adds", () => assert.equal(add(5, 2), 7));
  it("raises", () => {
    throw new TypeError("boom");
  });
  it.skip("later", () => {});
});
`;

const hasPytest = (() => {
  try {
    execFileSync("/usr/bin/python3", ["-c", "import pytest"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

const statuses = ({ tests }: TestReport) => Object.fromEntries(tests.map(({ id, status }) => [id, status]));

describe("a run of tests", { timeout: 120_000 }, () => {
  let stage: AgentStage;
  beforeAll(async () => {
    stage = await openAgentStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it("tells of each test of unittest, what it ran, and goes on after one that hangs", async () => {
    const files = { "calc.py": CALC, "tests/test_calc.py": UNITTESTS };
    const seen = await stage.withHost(files, async ({ bench }) => ({
      report: await runTests(bench, "tests", { coverage: "per_test", testTimeoutMs: 2_000 }),
      again: await runTests(bench, "again", { coverage: "per_test", testTimeoutMs: 2_000 }),
      one: await runTests(bench, "one", { runner: "unittest", only: ["tests/test_calc.py::Adding.test_small"] }),
      left: await bench.work("left", {}, (_input, inside) =>
        inside.run(["sh", "-c", "pgrep -f '[s]leep 4321' || true"]),
      ),
      diff: await bench.diff("diff"),
    }));
    const report = TestReport.parse(seen.report);
    expect(statuses(report)).toEqual({
      "tests/test_calc.py::Adding.test_large": "failed",
      "tests/test_calc.py::Adding.test_later": "skipped",
      "tests/test_calc.py::Adding.test_raises": "error",
      "tests/test_calc.py::Adding.test_small": "passed",
      "tests/test_calc.py::Adding.test_writes": "passed",
      "tests/test_calc.py::Looping.test_loop": "timeout",
      "tests/test_calc.py::setUpClass (test_calc.Broken)": "error",
    });
    expect(report).toMatchObject({ runner: "unittest", status: "failed", exitCode: 1, flaky: [] });
    expect(report.tests.find(({ name }) => name === "Adding.test_large")).toMatchObject({
      message: "AssertionError: 5 != 7",
      stack: expect.stringContaining('File "tests/test_calc.py", line 13, in test_large'),
    });
    expect(report.perTest?.["tests/test_calc.py::Adding.test_large"]?.["calc.py"]).toEqual([6, 7]);
    expect(report.perTest?.["tests/test_calc.py::Adding.test_small"]?.["calc.py"]).toEqual([6, 8]);
    expect(report.perTest?.["tests/test_calc.py::Looping.test_loop"]?.["calc.py"]).toEqual([12, 13]);
    expect(report.imported?.["calc.py"]).toEqual([1, 2, 5, 11]);
    expect(report.coverage?.["calc.py"]).toEqual({
      covered: [1, 2, 5, 6, 7, 8, 11, 12, 13],
      executable: [1, 2, 5, 6, 7, 8, 11, 12, 13],
    });
    expect(seen.again).toEqual(seen.report);
    expect(statuses(seen.one)).toEqual({ "tests/test_calc.py::Adding.test_small": "passed" });
    expect(seen.one).toMatchObject({ status: "passed", exitCode: 0 });
    expect(seen.left.stdout).toBe("");
    expect(seen.diff.files).toEqual([]);
  });

  it("tells of each test of node:test, with lines of TypeScript, also when a file never ends", async () => {
    const files = {
      "package.json": '{ "type": "module", "scripts": { "test": "node --test" } }',
      "src/calc.ts": CALC_TS,
      "test/calc.test.ts": NODE_TESTS,
      "test/hang.test.js":
        'import { test } from "node:test";\ntest("fine", () => {});\ntest("hangs", () => { for (;;) {} });\n',
      "test/broken.test.js": 'import "./nowhere.js";\n',
    };
    const seen = await stage.withHost(files, async ({ bench }) => ({
      report: await runTests(bench, "tests", { coverage: "per_test", testTimeoutMs: 4_000 }),
      one: await runTests(bench, "one", { runner: "node:test", only: ["test/calc.test.ts::large > adds"], reruns: 1 }),
    }));
    const report = TestReport.parse(seen.report);
    expect(statuses(report)).toEqual({
      "test/broken.test.js::broken.test.js": "error",
      "test/calc.test.ts::large > adds": "failed",
      "test/calc.test.ts::large > later": "skipped",
      "test/calc.test.ts::large > raises": "error",
      "test/calc.test.ts::small": "passed",
      "test/hang.test.js::fine": "passed",
      "test/hang.test.js::hangs": "timeout",
    });
    expect(report).toMatchObject({ runner: "node:test", status: "failed", exitCode: 1 });
    expect(report.perTest?.["test/calc.test.ts::large > adds"]?.["src/calc.ts"]).toEqual([5, 6, 7]);
    expect(report.perTest?.["test/calc.test.ts::small"]?.["src/calc.ts"]).toEqual([5, 6, 9]);
    expect(report.coverage?.["src/calc.ts"]).toEqual({ covered: [5, 6, 7, 9], executable: [5, 6, 7, 9] });
    expect(report.tests.find(({ name }) => name === "large > raises")).toMatchObject({
      message: "TypeError: boom",
      stack: expect.stringContaining("(test/calc.test.ts:9:11)"),
    });
    expect(seen.one.tests).toMatchObject([{ id: "test/calc.test.ts::large > adds", status: "failed" }]);
    expect(seen.one.flaky).toEqual([]);
  });

  it("tells of each test of pytest", async ({ skip }) => {
    skip(!hasPytest, "pytest is not installed: scripts/setup.sh brings it");
    const files = {
      "src/calc.py": CALC,
      "tests/test_calc.py": `import os
import pytest
from calc import add


@pytest.mark.parametrize("a, b, total", [(1, 2, 3), (5, 2, 7)])
def test_add(a, b, total):
    assert add(a, b) == total


@pytest.fixture
def broken():
    raise RuntimeError("fixture")


def test_fixture(broken):
    pass


@pytest.mark.xfail
def test_expected():
    assert False


def test_flaky():
    path = "/tmp/second"
    is_second = os.path.exists(path)
    open(path, "w").close()
    assert is_second
`,
    };
    const report = TestReport.parse(
      await stage.withHost(files, ({ bench }) => runTests(bench, "tests", { coverage: "per_test", reruns: 2 })),
    );
    expect(statuses(report)).toEqual({
      "tests/test_calc.py::test_add[1-2-3]": "passed",
      "tests/test_calc.py::test_add[5-2-7]": "failed",
      "tests/test_calc.py::test_expected": "passed",
      "tests/test_calc.py::test_fixture": "error",
      "tests/test_calc.py::test_flaky": "failed",
    });
    expect(report.flaky).toEqual(["tests/test_calc.py::test_flaky"]);
    expect(report.perTest?.["tests/test_calc.py::test_add[5-2-7]"]?.["src/calc.py"]).toEqual([6, 7]);
    expect(report.output).not.toMatch(/in \d/);
  });

  it("ends what takes too long, and says what had passed; says so when there is nothing to run", async () => {
    const files = {
      "test_slow.py":
        "import time, unittest\nclass T(unittest.TestCase):\n def test_a(self): pass\n def test_b(self): time.sleep(600)\n def test_c(self): pass\n",
    };
    const late = await stage.withHost(files, (host) => workOn(testExecAgent, host, { timeoutMs: 5_000 }));
    expect(late).toMatchObject({
      delta: { data: { runner: "unittest", status: "timeout", counts: { passed: 1, timeout: 1 } } },
      artifacts: [
        { kind: "test_result", name: "test_slow.py::T.test_b", status: "timeout", log: "the test did not end" },
        { kind: "test_result", name: "test_slow.py::T.test_a", status: "passed" },
      ],
    });
    const exits = { "test_x.py": "import os, unittest\nclass T(unittest.TestCase):\n def test_a(self): os._exit(0)\n" };
    const crashed = await stage.withHost(exits, ({ bench }) => runTests(bench, "tests"));
    expect(crashed).toMatchObject({ status: "crashed", tests: [{ id: "test_x.py::T.test_a", status: "error" }] });
    const none = await stage.withHost({ "a.py": "" }, async ({ bench }) => ({
      told: await runTests(bench, "tests", { runner: "unittest" }),
      asked: await runTests(bench, "detected").catch((error: unknown) => String(error)),
      missing: await runTests(bench, "missing", { runner: "cargo" }).catch((error: unknown) => String(error)),
      coverage: await runTests(bench, "coverage", { runner: "mocha", coverage: "per_test" }).catch((error: unknown) =>
        String(error),
      ),
    }));
    expect(none.told).toMatchObject({ status: "no_tests", tests: [] });
    expect(none.asked).toContain("how its tests are run");
    expect(none.missing).toContain("cargo is not in the sandbox");
    expect(none.coverage).toContain("cannot tell coverage 'per_test'");
  });

  it("as an agent does all that its task asks for", async () => {
    const files = {
      "calc.py": "def once():\n    return 1\n\n\ndef never():\n    return 2\n",
      "test_calc.py": [
        "import os, time, unittest",
        "from calc import once",
        "",
        "class Calc(unittest.TestCase):",
        "    def test_flaky(self):",
        "        known = os.path.exists('/tmp/known')",
        "        open('/tmp/known', 'w').close()",
        "        self.assertTrue(known and once())",
        "",
        "    def test_sleeps(self):",
        "        time.sleep(once() * 600)",
        "",
        "    def test_unasked(self):",
        "        pass",
        "",
      ].join("\n"),
    };
    const only = ["test_calc.py::Calc.test_flaky", "test_calc.py::Calc.test_sleeps"];
    const payload = { runner: "unittest" as const, only, coverage: "total" as const, testTimeoutMs: 1_000, reruns: 1 };
    const outcome = await stage.withHost(files, (host) => workOn(testExecAgent, host, payload));
    expect(outcome.delta).toMatchObject({
      data: {
        status: "failed",
        exitCode: 1,
        counts: { failed: 1, timeout: 1 },
        flaky: ["test_calc.py::Calc.test_flaky"],
      },
    });
    const coverage = outcome.artifacts.find(({ kind }) => kind === "coverage");
    expect(coverage?.kind === "coverage" && coverage.files.find(({ path }) => path === "calc.py")).toEqual({
      path: "calc.py",
      executable: 4,
      covered: 3,
      missed: [[6, 6]],
    });
  });
});
