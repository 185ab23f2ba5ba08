import { afterAll, beforeAll, expect, test } from "vitest";
import { openProvider, ProviderSettings } from "../../models/index.ts";
import { type AgentStage, openAgentStage, workOn } from "../testing/agent-stage.ts";
import { designReviewAgent } from "./design-review-agent.ts";
import { graphFindings } from "./module-graph.ts";
import { reviewFacts } from "./review-facts.ts";

const rulesOf = async (path: string, text: string) =>
  (await reviewFacts({ path, text })).findings.map(({ rule, target }) => `${rule} ${target}`);

test("sizes, depth and docs: at the bound nothing is said, beyond it something", async () => {
  const lines = (count: number) => "    x = 1\n".repeat(count);
  expect(await rulesOf("a.py", `def _f(a, b, c, d, e):\n${lines(49)}`)).toEqual([]);
  expect(await rulesOf("a.py", `def _f(a, b, c, d, e, g):\n${lines(50)}`)).toEqual(["parameters _f", "length _f"]);
  const deep = (count: number) => `function f(x) {${"if (x) {".repeat(count)}${"}".repeat(count)}}`;
  expect(await rulesOf("a.js", deep(4))).toEqual([]);
  expect(await rulesOf("a.js", deep(5))).toEqual(["nesting f"]);
  expect(await rulesOf("a.ts", "export function f() {}\nexport class C { m() {} #p() {} }\nfunction g() {}\n")).toEqual(
    ["docs f", "docs C.m", "docs C"],
  );
  expect(await rulesOf("a.ts", "/** It. */\nexport function f() {}\n")).toEqual([]);
  expect(await rulesOf("a.test.ts", "export function f() {}\n")).toEqual([]);
});

test("defaults that are shared, and state of the module", async () => {
  expect(await rulesOf("a.py", "def _f(a=[], b: dict = {}, c=set(), d=(), e=None):\n    pass\n")).toEqual([
    "mutable-default a",
    "mutable-default b",
    "mutable-default c",
  ]);
  expect(await rulesOf("a.py", "n = 0\ndef _f():\n    global n\n    n += 1\n")).toEqual(["global-state n"]);
  expect(
    await rulesOf(
      "a.js",
      "let n = 0;\nlet m = 0;\nm = 1;\nconst o = {};\nfunction f() { n += 1; o.x = 1; let k = 0; k++; }\n",
    ),
  ).toEqual(["global-state n"]);
});

const imports = (...modules: (string | { module: string; names?: string[]; typeOnly?: boolean; atLoad?: boolean })[]) =>
  modules.map((one, at) => ({
    names: [],
    line: at + 1,
    typeOnly: false,
    atLoad: true,
    ...(typeof one === "string" ? { module: one } : one),
  }));

test("cycles are told once, by the shortest way; imports for types or later close none", () => {
  const cyclic = graphFindings(
    new Map([
      ["src/a.ts", imports("./b.js", "node:fs")],
      ["src/b.ts", imports("./c/index.ts")],
      ["src/c/index.ts", imports("../a.ts", "../b")],
      ["src/d.ts", imports({ module: "./e.ts", typeOnly: true })],
      ["src/e.ts", imports("./d.ts")],
      ["pkg/__init__.py", []],
      ["pkg/x.py", imports({ module: ".", names: ["y"] })],
      ["pkg/y.py", imports({ module: "pkg.x", names: ["f"] })],
      ["pkg/z.py", imports({ module: "pkg", names: ["w"], atLoad: false })],
      ["pkg/w.py", imports("pkg.z")],
    ]),
  );
  expect(cyclic.map(({ details, path, line }) => [details, path, line])).toEqual([
    ["pkg/x.py → pkg/y.py → pkg/x.py import each other", "pkg/x.py", 1],
    ["src/a.ts → src/b.ts → src/c/index.ts → src/a.ts import each other", "src/a.ts", 1],
  ]);
  const many = Array.from({ length: 16 }, (_, at) => `m${at}.ts`);
  const wide = new Map([
    ["a.ts", imports(...many.map((name) => `./${name}`))],
    ...many.map((name) => [name, imports()] as const),
  ]);
  expect(graphFindings(wide)).toMatchObject([{ rule: "fan-out", path: "a.ts" }]);
  wide.set("a.ts", imports(...many.slice(1).map((name) => `./${name}`)));
  expect(graphFindings(wide)).toEqual([]);
});

let stage: AgentStage;
beforeAll(async () => {
  stage = await openAgentStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

test("a repository is reviewed: at most fifty remarks, the gravest first, the same every time", {
  timeout: 60_000,
}, async () => {
  const files = {
    "a.py": "from b import g\n\ndef f(a, b, c, d, e, g=[]):\n    return g\n",
    "b.py": "from a import f\n\ndef g():\n    return f\n",
    "many.py": Array.from({ length: 60 }, (_, at) => `def f${at}():\n    pass\n`).join("\n"),
  };
  const look = () => stage.withHost(files, (host) => workOn(designReviewAgent, host, {}));
  const [first, second] = [await look(), await look()];
  expect(second).toEqual(first);
  expect(first.artifacts).toHaveLength(50);
  expect(first.delta).toMatchObject({ data: { files: 3, leftOut: 15 } });
  expect(
    first.artifacts.slice(0, 4).map((one) => one.kind === "analysis" && [one.rule, one.path, one.severity]),
  ).toEqual([
    ["design/cycle", "a.py", "warn"],
    ["design/mutable-default", "a.py", "warn"],
    ["design/parameters", "a.py", "warn"],
    ["design/docs", "a.py", "info"],
  ]);
  const some = await stage.withHost(files, (host) => workOn(designReviewAgent, host, { paths: ["b.py"] }));
  expect(some.artifacts.map((one) => one.kind === "analysis" && one.rule)).toEqual(["design/cycle", "design/docs"]);
  const none = await stage.withHost(files, (host) => workOn(designReviewAgent, host, { paths: [] }));
  expect(none.artifacts).toEqual([]);
});

test("with a model the gravest remark comes with one refactoring that broke nothing", { timeout: 60_000 }, async () => {
  const text = "```python path=a.py\ndef f(a=None):\n    return [] if a is None else a\n```\n";
  const script = { answers: [{ contains: "a has a default that all calls share", text }] };
  const model = {
    provider: openProvider(ProviderSettings.parse({ kind: "scripted", script })),
    model: "script",
    seed: 1,
  };
  const files = { "a.py": "def f(a=[]):\n    return a\n" };
  const { artifacts, delta } = await stage.withHost(files, (host) => workOn(designReviewAgent, host, {}), { model });
  expect(delta.kind).toBe("summary");
  expect(artifacts.map(({ kind }) => kind)).toEqual(["analysis", "analysis", "diff", "candidate_list", "selection"]);
  expect(artifacts[2]).toMatchObject({ diff: { text: expect.stringContaining("+def f(a=None):\n") } });
});
