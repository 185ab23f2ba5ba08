import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentOutcome } from "../messages/result.ts";
import { detectRunner } from "./detect-runner.ts";
import { readResults } from "./results-file.ts";
import type { Heard } from "./runners/adapter.ts";
import { readCargo } from "./runners/cargo.ts";
import { readGo } from "./runners/go.ts";
import { chosen, readJestLike, withoutUnasked } from "./runners/jest-like.ts";
import { readMocha } from "./runners/mocha.ts";
import { steady, steadyOutput } from "./steady-text.ts";
import { outcomeOf } from "./test-exec-agent.ts";
import { TestCase } from "./test-report.ts";

const recorded = (name: string) => readFileSync(join(import.meta.dirname, "testdata", name), "utf8");
const root = "/repo";
const statuses = ({ tests }: Heard) => Object.fromEntries(tests.map(({ id, status }) => [id, status]));

describe("what a runner really wrote is read", () => {
  it("of lines that each test of jest ran, under babel and as they stand, recorded with jest 30", () => {
    const heard = readJestLike(recorded("jest-lines.json"), { root: "/repo" }, recorded("jest-lines.jsonl"));
    const lines = Object.fromEntries(heard.perTest ?? []);
    expect(lines["src/stock.test.ts::stock > totals"]?.["src/stock.ts"]).toEqual([7, 8, 9, 10, 11, 13]);
    expect(lines["src/stock.test.ts::stock > none"]?.["src/stock.ts"]).toEqual([7, 8, 9, 13]);
    expect(lines["src/stock.test.ts::stock > names"]?.["src/stock.ts"]).toEqual([16, 17]);
    expect(lines["src/plain.test.js::less"]?.["src/plain.js"]).toEqual([1, 2]);
    expect(Object.keys(lines)).toHaveLength(5);
    expect(heard.coverage?.get("src/plain.js")).toEqual({ covered: [1, 2, 3], executable: [1, 2, 3] });
    // Of tests that the report does not have nothing is believed.
    const forged = `${JSON.stringify({ cover: "a.test.js::none", files: { "a.js": [1] } })}\n{"cover":1}\nno JSON\n`;
    expect(readJestLike(recorded("jest-lines.json"), { root: "/repo" }, forged).perTest).toEqual(new Map());
  });

  it("of vitest and jest", () => {
    const vitest = readJestLike(recorded("vitest.json"), { root });
    expect(statuses(vitest)).toEqual({
      "test/broken.test.js::import": "error",
      "test/calc.test.js::small": "passed",
      "test/calc.test.js::large > adds": "failed",
      "test/calc.test.js::large > raises": "error",
      "test/calc.test.js::large > later": "skipped",
      "test/calc.test.js::large > slow": "timeout",
    });
    const jest = readJestLike(recorded("jest.json"), { root });
    expect(statuses(jest)).toEqual({
      "jest/broken.test.js::import": "error",
      "jest/calc.test.js::small": "passed",
      "jest/calc.test.js::large > adds": "failed",
      "jest/calc.test.js::large > raises": "error",
      "jest/calc.test.js::large > later": "skipped",
      "jest/calc.test.js::large > slow": "timeout",
    });
    expect(jest.coverage?.get("calc.js")).toEqual({ covered: [1], executable: [1] });
    expect(jest.tests.find(({ name }) => name === "large > raises")).toMatchObject({
      message: "TypeError: boom",
      stack: expect.stringContaining("/repo/jest/calc.test.js:5"),
    });
    const [only] = withoutUnasked(jest, ["jest/calc.test.js::small"]).tests.filter(({ status }) => status === "passed");
    expect(only?.id).toBe("jest/calc.test.js::small");
    expect(chosen(["a.js::x > y.z"])).toEqual({ files: ["a.js"], pattern: "^(?:x (?:> )?y\\.z)$" });
    expect(chosen(["a.js::x", "b.js"])).toEqual({ files: ["a.js", "b.js"] });
  });

  it("of mocha", () => {
    expect(statuses(readMocha(recorded("mocha.json"), { root }))).toEqual({
      "mocha/calc.spec.js::small": "passed",
      "mocha/calc.spec.js::large adds": "failed",
      "mocha/calc.spec.js::large raises": "error",
      "mocha/calc.spec.js::large later": "skipped",
      "mocha/calc.spec.js::large slow": "timeout",
      'mocha/calc.spec.js::hooked "before all" hook for "never"': "error",
    });
  });

  it("of cargo", () => {
    const heard = readCargo(recorded("cargo.txt"));
    expect(heard.isDone).toBe(true);
    expect(statuses(heard)).toEqual({
      "src/lib.rs::tests::large": "failed",
      "src/lib.rs::tests::later": "skipped",
      "src/lib.rs::tests::panics": "passed",
      "src/lib.rs::tests::small": "passed",
      "tests/whole.rs::whole": "passed",
      "src/lib.rs::src/lib.rs - add (line 1)": "passed",
    });
    expect(heard.tests[0]).toMatchObject({ message: "assertion `left == right` failed" });
    expect(steady(heard.tests[0]?.stack ?? "", [])).toContain("thread 'tests::large' panicked");
  });

  it("of go", () => {
    const heard = readGo(recorded("go.jsonl"));
    expect(statuses(heard)).toEqual({
      "example.org/calc::TestSmall": "passed",
      "example.org/calc::TestLarge/adds": "failed",
      "example.org/calc::TestLarge": "failed",
      "example.org/calc::TestLater": "skipped",
      "example.org/calc::TestHangs": "timeout",
      "example.org/calc/broken::package": "error",
    });
    expect(heard.tests.find(({ name }) => name === "TestLarge/adds")?.message).toBe("calc_test.go:12: got 5, want 7");
  });
});

describe("what a hostile test wrote", () => {
  const line = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.json({ maxDepth: 3 }),
    fc
      .record({ test: fc.string(), status: fc.constantFrom("passed", "failed", "evil"), stack: fc.string() })
      .map((value) => JSON.stringify(value)),
    fc
      .record({
        cover: fc.string(),
        files: fc.dictionary(fc.constantFrom("a.py", "../up", "__proto__", ".git/x"), fc.array(fc.integer())),
      })
      .map((value) => JSON.stringify(value)),
    fc.constantFrom(
      '{"start":"a::b"}',
      '{"done":true}',
      '{"ran":"a::b","passed":true}',
      '{"ended":"a","name":"a","code":0,"late":false,"tail":""}',
    ),
  );

  it("never breaks a reader, and gives nothing that the report's schema refuses", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = lines.join("\n");
        const heard = [
          readResults(text, true),
          readResults(text, false),
          readGo(text),
          readCargo(text),
          readMocha(text, { root }),
          readJestLike(text, { root }),
        ];
        for (const { tests } of heard) {
          for (const test of tests) expect(TestCase.safeParse(test).success, JSON.stringify(test)).toBe(true);
          expect(new Set(tests.map(({ id }) => id)).size).toBe(tests.length);
        }
        for (const paths of [...(heard[0] as ReturnType<typeof readResults>).perTest.values()]) {
          expect(Object.keys(paths).every((path) => path === "a.py" || path === "__proto__")).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("fits into an agent's answer, however much it is", () => {
    const tests = Array.from({ length: 3_000 }, (_, index) => ({
      id: `a.py::t${index}`,
      file: "a.py",
      name: `t${index}`,
      status: index % 2 === 0 ? ("passed" as const) : ("failed" as const),
      stack: "x".repeat(16_000),
    }));
    const executable = Array.from({ length: 100 }, (_, index) => index + 1);
    const coverage = { "a.py": { executable, covered: executable.slice(0, 25) } };
    const outcome = outcomeOf({
      runner: "unittest",
      status: "failed",
      exitCode: 1,
      tests,
      output: "said",
      coverage,
      flaky: [],
    });
    expect(AgentOutcome.safeParse(outcome).success).toBe(true);
    expect(outcome.delta).toMatchObject({ data: { counts: { passed: 1_500, failed: 1_500 } } });
    expect(outcome.artifacts.slice(0, 900).every((one) => one.kind === "test_result" && one.status === "failed")).toBe(
      true,
    );
    expect(outcome.artifacts.find(({ kind }) => kind === "coverage")).toMatchObject({
      lineRate: 0.25,
      files: [{ path: "a.py", executable: 100, covered: 25, missed: [[26, 100]] }],
    });
    expect(JSON.stringify(outcome).length).toBeLessThan(4 << 20);
  });
});

it("texts lose what differs from run to run, and nothing else", () => {
  const text = "<T object at 0x7f7e54992150> in /workspace/.glovebox/trial/repo/a.py and /tmp/tmpab12cd_x/file, 0xff";
  expect(steady(text, ["/workspace/.glovebox/trial/repo"])).toBe("<T object at 0x…> in a.py and /tmp/…/file, 0xff");
  expect(steady("file:///r/a.ts:1:2", ["/r"])).toBe("a.ts:1:2");
  expect(steadyOutput("3 passed in 0.12s, at 10:11:12", [])).toBe("3 passed in …, at …");
});

describe("the runner is found", () => {
  const detect = (texts: Readonly<Record<string, string>>) =>
    detectRunner({ files: Object.keys(texts).map((path) => ({ path, size: 1, hash: "", mode: 0o644 })) }, texts)
      ?.runner;

  it.for<readonly [string | undefined, Readonly<Record<string, string>>]>([
    ["vitest", { "package.json": '{"scripts":{"test":"vitest run"}}' }],
    ["vitest", { "package.json": '{"devDependencies":{"vitest":"1"}}', "a.test.ts": 'import { it } from "vitest"' }],
    ["jest", { "package.json": '{"scripts":{"test":"jest --ci"}}' }],
    ["jest", { "package.json": '{"jest":{}}', "a.test.js": "" }],
    ["mocha", { "package.json": '{"scripts":{"test":"nyc mocha"}}' }],
    ["node:test", { "package.json": '{"scripts":{"test":"node --experimental-x --test"}}' }],
    ["node:test", { "a.test.mjs": 'import test from "node:test";' }],
    [
      "node:test",
      { "package.json": '{"devDependencies":{"vitest":"1"}}', "a.test.mjs": 'import test from "node:test";' },
    ],
    ["node:test", { "test/a.js": "" }],
    ["pytest", { "pytest.ini": "", "a.py": "" }],
    ["pytest", { "pyproject.toml": "[tool.pytest.ini_options]\n", "test_a.py": "" }],
    ["pytest", { "tests/test_a.py": "def test_a():\n    pass\n" }],
    ["pytest", { "tests/test_a.py": "import pytest\n" }],
    [
      "unittest",
      { "tests/test_a.py": "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n" },
    ],
    ["cargo", { "Cargo.toml": "", "src/lib.rs": "" }],
    ["go", { "go.mod": "", "a_test.go": "" }],
    [undefined, { "README.md": "" }],
    [undefined, { "package.json": "not json", "a.js": "" }],
    [undefined, { "package.json": '{"scripts":{"test":5},"dependencies":[]}', "node_modules/x/test.js": "" }],
  ])("%s", ([runner, texts]) => {
    expect(detect(texts)).toBe(runner);
  });
});
