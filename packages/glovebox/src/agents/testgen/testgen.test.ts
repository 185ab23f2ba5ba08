import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProvider, ProviderSettings } from "../../models/index.ts";
import type { AgentHost } from "../agent.ts";
import { runTests } from "../test-exec/run-tests.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { testgenAgent } from "./testgen-agent.ts";

describe("testgen", { timeout: 120_000 }, () => {
  let stage: AgentStage;
  beforeAll(async () => {
    stage = await openAgentStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const generate = (files: Record<string, string>, template: string, runner: "unittest" | "node:test") =>
    stage.withHost(
      files,
      async (host) => {
        const outcome = await workOn(testgenAgent, host, {});
        if (outcome.delta.kind !== "diff") throw new Error("no diff");
        const left = (await host.bench.diff("left")).files;
        await host.bench.apply("apply", outcome.delta.diff);
        return { outcome, left, text: outcome.delta.diff.text, report: await runTests(host.bench, "run", { runner }) };
      },
      { template },
    );

  it("writes tests of Python that pass, of boundaries and properties, and tells crashes instead of expecting them", async () => {
    const { outcome, left, text, report } = await generate(
      {
        "pkg/__init__.py": "",
        "pkg/math.py": `import random, time

def clamp(x: int, low: int = 0) -> int:
    """Not below."""
    return max(x, low)

def inverse(x: int) -> float:
    return 1 / x

def positive(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return x

def chance() -> float:
    return random.random()

def grow(values: list[int]) -> int:
    values.append(1)
    return len(values)

def forever(x: int) -> int:
    while x == 7:
        pass
    return x

def guess(a, b):
    return a + b

def _own(x: int) -> int:
    return x
`,
        "pkg/broken.py": "import nothing_that_exists\n\ndef f(x: int) -> int:\n    return x\n",
      },
      "python",
      "unittest",
    );
    expect(left).toEqual([]);
    expect(report).toMatchObject({ status: "passed" });
    const names = report.tests.map(({ name }) => name.slice(name.lastIndexOf(".") + 1));
    expect(names).toEqual(
      expect.arrayContaining([
        "test_imports",
        "test_clamp",
        "test_clamp_properties",
        "test_positive",
        "test_grow",
        "test_guess",
        "test_inverse",
      ]),
    );
    // Chance is no expectation, and what changes its arguments is not pure.
    expect(names).not.toContain("test_chance");
    expect(names).not.toContain("test_grow_properties");
    expect(names).not.toContain("test_positive_properties");
    expect(text).toContain("self.assertRaises(ValueError)");
    expect(text).not.toContain("ZeroDivisionError");
    const told = outcome.artifacts.flatMap((one) => (one.kind === "analysis" ? [`${one.rule} ${one.details}`] : []));
    expect(told).toEqual([
      expect.stringMatching(/^testgen\/import cannot be imported: ModuleNotFoundError/),
      "testgen/crash inverse(0) crashes: ZeroDivisionError: division by zero",
      "testgen/crash forever(7) crashes: no answer within a second",
    ]);
  });

  it("writes tests of TypeScript and of JavaScript that pass", async () => {
    const typescript = await generate(
      {
        "package.json": '{"type":"module"}',
        "src/text.ts": `export function shout(text: string, times: number = 1): string {
  return text.toUpperCase() + "!".repeat(Math.abs(Math.trunc(times)) % 5);
}
export const longest = (words: readonly string[]): number => Math.max(0, ...words.map((word) => word.length));
export async function later(x: number): Promise<number> { return x + 1; }
export function first(words: string[]): string { return (words[0] as string).trim(); }
export function now(): number { return Date.now() + Math.random(); }
`,
      },
      "node",
      "node:test",
    );
    expect(typescript.report).toMatchObject({ status: "passed" });
    const names = typescript.report.tests.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "imports",
        "shout gives what it gave",
        "shout holds for generated arguments",
        "longest gives what it gave",
        "later gives what it gave",
      ]),
    );
    expect(names).not.toContain("now gives what it gave");
    const told = typescript.outcome.artifacts.flatMap((one) => (one.kind === "analysis" ? [one.details] : []));
    expect(told).toEqual([expect.stringMatching(/^first\(\[\]\) crashes: TypeError/)]);
    const javascript = await generate(
      { "lib/add.js": "exports.add = (a, b) => a + b;\n", "package.json": "{}" },
      "node",
      "node:test",
    );
    expect(javascript.report).toMatchObject({ status: "passed" });
    expect(javascript.text).toContain('const subject = require("./add.js")');
  });

  it("with a model adds tests of a specification, and nothing but tests", async () => {
    const files = { "calc.py": "def twice(x: int) -> int:\n    return 2 * x\n" };
    const behaviour =
      "import unittest\n\nfrom calc import twice\n\n\nclass TwiceTest(unittest.TestCase):\n    def test_three(self):\n        self.assertEqual(twice(3), 6)\n";
    const modelOf = (path: string, code: string) => {
      const script = { answers: [{ contains: "It doubles.", text: `\`\`\`python path=${path}\n${code}\`\`\`\n` }] };
      return { provider: openProvider(ProviderSettings.parse({ kind: "scripted", script })), model: "script", seed: 1 };
    };
    const filesOf = async (path: string, code: string) => {
      const work = (host: AgentHost) => workOn(testgenAgent, host, { spec: "It doubles." });
      const { delta } = await stage.withHost(files, work, { model: modelOf(path, code) });
      return delta.kind === "diff" ? delta.diff.files.map((file) => file.path) : [];
    };
    const own = ["tests/__init__.py", "tests/test_calc.py"];
    expect(await filesOf("tests/test_twice.py", behaviour)).toEqual([...own, "tests/test_twice.py"]);
    expect(await filesOf("tests/test_twice.py", behaviour.replace("6", "7"))).toEqual(own);
    expect(await filesOf("calc.py", "def twice(x: int) -> int:\n    return x + x\n")).toEqual(own);
  });
});
