import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import { readLayout } from "../layout/read-layout.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { runTests } from "../test-exec/run-tests.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { codegenAgent } from "./codegen-agent.ts";
import { GOAL_ROWS } from "./goals/goal-rows.ts";
import { readGoal } from "./goals/read-goal.ts";
import type { CodegenPayload } from "./payload.ts";
import { writeFunction } from "./write-function.ts";

const ARITHMETIC = [
  "add two numbers",
  "multiply three numbers",
  "find the largest of four numbers",
  "find the smallest of two numbers",
];
/** One goal in words for each row, made from its pattern: the first of all alternatives, without what may be left out. */
const GOALS = [
  ...ARITHMETIC,
  "subtract two numbers",
  "divide two numbers",
  "square a number",
  "cube a number",
  "double a number",
  "halve a number",
  "absolute value of a number",
  "check whether a number is even",
  "check if a number is odd",
  "a function that checks whether a number is prime",
  "factorial of a number",
  "compute the nth fibonacci number",
  "greatest common divisor of two numbers",
  "clamp a number",
  "sum a list of numbers",
  "calculate the average of a list of numbers",
  "sort a list of numbers",
  "remove duplicates from a list",
  "reverse a string",
  "uppercase a string",
  "convert a string to lower case",
  "count the words in a string",
  "count the vowels in a word",
  "check whether a word is a palindrome",
  "concatenate two strings",
  "repeat a string n times",
  "convert celsius to fahrenheit",
  "convert fahrenheit to celsius",
  "greet a person by name",
];

describe("goals", () => {
  it("are read in words, with a name of their own, in the case of the language", () => {
    expect(readGoal("Add two numbers.", "python")).toMatchObject({
      name: "add",
      params: [{ name: "a", type: "float" }, { name: "b" }],
    });
    expect(readGoal("write a function that checks whether a number is even", "typescript")).toMatchObject({
      name: "isEven",
      params: [{ name: "n", type: "number" }],
      returns: "boolean",
    });
    expect(readGoal("find the largest of three numbers called best", "javascript")).toMatchObject({
      name: "best",
      params: [{ name: "a" }, { name: "b" }, { name: "c" }],
      body: "return Math.max(a, b, c);",
    });
    const rows = new Set(GOALS.map((goal) => readGoal(goal, "python").doc));
    expect(rows.size).toBe(GOALS.length);
    expect(GOALS.length).toBe(GOAL_ROWS.length + ARITHMETIC.length);
  });

  it.each(["make it faster", "add two", "", "add six numbers", "reverse a string and then print it", "__proto__"])(
    "are refused with the form that works when they cannot be read: %j",
    (goal) => {
      expect(() => readGoal(goal, "python")).toThrow(
        expect.objectContaining({
          code: "invalid_argument",
          details: expect.objectContaining({ instead: expect.anything() }),
        }),
      );
    },
  );
});

describe("codegen on a repository", { timeout: 120_000 }, () => {
  let stage: AgentStage;
  beforeAll(async () => {
    stage = await openAgentStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const PYTHON = { "calc/__init__.py": "", "calc/base.py": "X = 1\n", "README.md": "calc\n" };
  const TYPESCRIPT = {
    "package.json": '{"type":"module"}',
    "tsconfig.json": "{}",
    "src/base.ts": "export const x = 'a'\nexport const y = 'b'\nimport 'node:fs'\n",
  };
  const JAVASCRIPT = {
    "package.json": "{}",
    "src/base.js": 'const x = require("node:fs");\nfunction f() {\n\tx();\n}\nmodule.exports = { f };\n',
  };

  it.each([
    ["Python", PYTHON, "unittest", "python", GOALS],
    ["TypeScript", TYPESCRIPT, "node:test", "node", GOALS],
    // Whose functions are TypeScript's without the types.
    ["JavaScript", JAVASCRIPT, "node:test", "node", GOALS.filter((_goal, at) => at % 6 === 0)],
  ] as const)("writes goals in %s, and their tests pass", async (_language, files, runner, template, goals) => {
    const report = await stage.withHost(
      files,
      async ({ bench }) => {
        const { layout } = await readLayout(bench, "repository");
        await bench.work("write", goals, async (given, repository) => {
          for (const goal of given) {
            const wish = { spec: readGoal(goal, layout.language), test: true };
            const changes = await writeFunction(wish, { layout, code: stage.code, repository });
            for (const { path, after } of changes) await repository.writeFile(path, after ?? "");
          }
        });
        return await runTests(bench, "test", { runner });
      },
      { template },
    );
    expect(report.tests.filter(({ status }) => status !== "passed")).toEqual([]);
    expect(report.tests.length).toBe(goals.length);
    expect(report.status).toBe("passed");
  });

  it("proposes a module and its test, as the repository writes them", async () => {
    const add = (files: Record<string, string>, payload: Parameters<typeof workOn<CodegenPayload>>[2]) =>
      stage.withHost(files, async (host) => (await workOn(codegenAgent, host, payload)).delta);
    const python = await add(PYTHON, { goal: "add two numbers" });
    expect(python).toMatchObject({
      kind: "diff",
      diff: { files: [{ path: "calc/add.py" }, { path: "tests/__init__.py" }, { path: "tests/test_add.py" }] },
    });
    expect(textOf(python)).toContain(
      '+def add(a: float, b: float) -> float:\n+    """Return the sum of `a` and `b`."""\n+    return a + b\n',
    );
    expect(textOf(python)).toContain("+from calc.add import add\n");
    const typescript = await add(TYPESCRIPT, { goal: "greet a person by name" });
    expect(textOf(typescript)).toContain(
      "+/** Return a greeting for `name`. */\n+export function greet(name: string): string {\n",
    );
    expect(textOf(typescript)).toContain("+import { greet } from './greet.ts'\n");
    const javascript = await add(JAVASCRIPT, {
      function: {
        name: "twice",
        params: [{ name: "x" }, { name: "y", default: "2" }],
        doc: "Doubles.",
        body: "  if (x) {\n      return x * y;\n  }\n  return 0;",
      },
      path: "src/base.js",
    });
    expect(textOf(javascript)).toContain(
      "+function twice(x, y = 2) {\n+\tif (x) {\n+\t\treturn x * y;\n+\t}\n+\treturn 0;\n+}\n",
    );
    expect(javascript).toMatchObject({ diff: { files: [{ path: "src/base.js" }] } });
  });

  it("refuses what does not parse, what is there already, and what would be another function", async () => {
    const codes = await stage.withHost({ "a.py": "def f():\n    return 1\n", "b.py": "x  =  1\n" }, async (host) => {
      const codeOf = (name: string, payload: Parameters<typeof workOn<CodegenPayload>>[2]) =>
        host.run
          .parallel(
            { [name]: (run) => workOn(codegenAgent, { ...host, run, bench: host.bench.within(run) }, payload) },
            { name: `try ${name}` },
          )
          .then(
            ({ [name]: outcome }) => textOf(outcome?.delta),
            (error: unknown) =>
              isGloveboxError(error, "already_exists") || isGloveboxError(error, "invalid_argument")
                ? error.code
                : "other",
          );
      const spec = { name: "f", params: [{ name: "a" }], doc: "D." };
      return {
        syntax: await codeOf("syntax", { file: { path: "c.py", content: "def f(:\n" } }),
        json: await codeOf("json", { file: { path: "c.json", content: "{,}" } }),
        formatted: await codeOf("formatted", { file: { path: "c.py", content: "x  =  1\n" } }),
        kept: await codeOf("kept", { file: { path: "b.py", content: "x  =  2\n" } }),
        exists: await codeOf("exists", { function: { ...spec, body: "return 1" }, path: "a.py" }),
        body: await codeOf("body", { function: spec }),
        escape: await codeOf("escape", {
          function: { ...spec, params: [{ name: "a", type: "int): pass\t#" }], body: "return 1" },
        }),
        trick: await codeOf("trick", {
          function: { ...spec, name: "g", params: [{ name: "a", default: "1, b=2" }], body: "return 1" },
        }),
      };
    });
    expect(codes).toEqual({
      syntax: "invalid_argument",
      json: "invalid_argument",
      formatted: expect.stringContaining("+x = 1\n"),
      kept: expect.stringContaining("-x  =  1\n+x  =  2\n"),
      exists: "already_exists",
      body: "invalid_argument",
      escape: "other",
      trick: "invalid_argument",
    });
  });
});

function textOf(delta: AgentOutcome["delta"] | undefined): string {
  return delta?.kind === "diff" ? delta.diff.text : "";
}
