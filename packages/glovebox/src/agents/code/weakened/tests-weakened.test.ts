import { expect, test } from "vitest";
import { testsWeakened, type Weakening } from "./tests-weakened.ts";

const PYTHON = `import unittest
from calc import add, div

class CalcTest(unittest.TestCase):
    def test_add(self):
        total = add(2, 3)
        self.assertEqual(total, 5)
        assert add(0, 0) == 0

    def test_div(self):
        with self.assertRaises(ZeroDivisionError):
            div(1, 0)
`;
const NODE = `import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { add } from "./calc.js";

describe("calc", () => {
  test("adds", () => {
    const total = add(2, 3);
    assert.equal(total, 5);
  });
});
test("zero", async () => {
  await assert.rejects(() => add());
  expect(add(0, 0)).toBe(0);
});
`;

async function kindsOf(path: string, before: string, after: string | undefined): Promise<readonly Weakening["kind"][]> {
  const found = await testsWeakened({
    before: [{ path, text: before }],
    after: after === undefined ? [] : [{ path, text: after }],
  });
  return [...new Set(found.map(({ kind }) => kind))].toSorted();
}

const python = (from: string, to: string) => {
  expect(PYTHON).toContain(from);
  return kindsOf("tests/test_calc.py", PYTHON, PYTHON.replace(from, to));
};
const node = (from: string, to: string) => {
  expect(NODE).toContain(from);
  return kindsOf("calc.test.js", NODE, NODE.replace(from, to));
};

test("what only adds, or is written otherwise, weakens nothing", async () => {
  expect(await kindsOf("tests/test_calc.py", PYTHON, PYTHON)).toEqual([]);
  expect(await python("total = add(2, 3)", "# the sum\n        total = add( 2,3 )")).toEqual([]);
  expect(
    await python(
      "    def test_div",
      "    def test_more(self):\n        self.assertEqual(add(1, 1), 2)\n\n    def test_div",
    ),
  ).toEqual([]);
  expect(
    await node("assert.equal(total, 5);", "assert.equal(total,5); // five\n    assert.equal(add(1, 1), 2);"),
  ).toEqual([]);
  expect(await kindsOf("src/calc.py", "def test_x():\n    assert f() == 1\n", undefined)).toEqual([]);
});

test.each<[why: string, from: string, to: string, kinds: readonly Weakening["kind"][]]>([
  ["another value", "assertEqual(total, 5)", "assertEqual(total, 6)", ["assertion_changed"]],
  ["always true", "self.assertEqual(total, 5)", "assert True", ["assertion_changed"]],
  ["always true, at length", "self.assertEqual(total, 5)", "self.assertEqual(total, total)", ["assertion_changed"]],
  ["or True", "assert add(0, 0) == 0", "assert add(0, 0) == 0 or True", ["assertion_changed"]],
  ["no assertion", "        self.assertEqual(total, 5)\n", "", ["assertion_changed"]],
  [
    "swallowed",
    "        self.assertEqual(total, 5)\n",
    "        try:\n            self.assertEqual(total, 5)\n        except Exception:\n            pass\n",
    ["assertion_changed"],
  ],
  [
    "suppressed",
    "        self.assertEqual(total, 5)\n",
    "        with contextlib.suppress(BaseException):\n            self.assertEqual(total, 5)\n",
    ["assertion_changed"],
  ],
  [
    "early return",
    "        self.assertEqual(total, 5)\n",
    "        return\n        self.assertEqual(total, 5)\n",
    ["assertion_changed", "ends_early"],
  ],
  [
    "dead branch",
    "        self.assertEqual(total, 5)\n",
    "        if False:\n            self.assertEqual(total, 5)\n",
    ["assertion_changed"],
  ],
  [
    "in a function that nobody calls",
    "        self.assertEqual(total, 5)\n",
    "        def later():\n            self.assertEqual(total, 5)\n",
    ["assertion_changed"],
  ],
  ["in a text", "self.assertEqual(total, 5)", '"""self.assertEqual(total, 5)"""', ["assertion_changed"]],
  ["the result is written down", "total = add(2, 3)", "total = 5", ["call_changed", "overwritten"]],
  ["the result is written over", "total = add(2, 3)", "total = add(2, 3)\n        total = 5", ["overwritten"]],
  ["written over in passing", "total = add(2, 3)", "total = add(2, 3)\n        (total := 5)", ["overwritten"]],
  [
    "only where it holds",
    "        self.assertEqual(total, 5)\n",
    "        if total == 5:\n            self.assertEqual(total, 5)\n",
    ["assertion_changed"],
  ],
  ["for nothing", "self.assertEqual(total, 5)", "[self.assertEqual(total, 5) for _ in []]", ["assertion_changed"]],
  [
    "later, which never comes",
    "self.assertEqual(total, 5)",
    "later = lambda: self.assertEqual(total, 5)",
    ["assertion_changed"],
  ],
  ["after a no", "self.assertEqual(total, 5)", "False and self.assertEqual(total, 5)", ["assertion_changed"]],
  [
    "early return where it fails",
    "        self.assertEqual(total, 5)\n",
    "        if total != 5:\n            return\n        self.assertEqual(total, 5)\n",
    ["ends_early"],
  ],
  ["the module skipped", "class CalcTest", "pytestmark = pytest.mark.skip\n\nclass CalcTest", ["skipped"]],
  ["not collected", "    def test_div", "    __test__ = False\n\n    def test_div", ["skipped"]],
  [
    "skipped before each",
    "    def test_div",
    "    def setUp(self):\n        self.skipTest('no')\n\n    def test_div",
    ["skipped"],
  ],
  [
    "no tests loaded",
    "class CalcTest",
    "def load_tests(*_):\n    return unittest.TestSuite()\n\nclass CalcTest",
    ["skipped"],
  ],
  [
    "assertions that say nothing",
    "    def test_div",
    "    def assertEqual(self, *_):\n        pass\n\n    def test_div",
    ["mocked"],
  ],
  [
    "assertions taken away",
    "        total = ",
    "        self.assertEqual = print\n        total = ",
    ["mocked", "overwritten"],
  ],
  ["failures that are no exceptions", "    def test_div", "    failureException = ()\n\n    def test_div", ["mocked"]],
  [
    "failures not told",
    "    def test_div",
    "    def run(self, result=None):\n        return None\n\n    def test_div",
    ["skipped"],
  ],
  ["skipped", "    def test_add", '    @unittest.skip("later")\n    def test_add', ["skipped"]],
  ["skipped inside", "        total = ", "        self.skipTest('no')\n        total = ", ["skipped"]],
  ["the whole class skipped", "class CalcTest", "@unittest.expectedFailure\nclass CalcTest", ["skipped"]],
  ["renamed away", "def test_add", "def check_add", ["test_removed"]],
  [
    "defined again",
    "    def test_div",
    "    def test_add(self):\n        pass\n\n    def test_div",
    ["assertion_changed", "call_changed"],
  ],
  [
    "the unit mocked",
    "        total = ",
    "        unittest.mock.patch('calc.add', lambda a, b: 5).start()\n        total = ",
    ["mocked"],
  ],
  ["the unit defined here", "class CalcTest", "def add(a, b):\n    return 5\n\nclass CalcTest", ["mocked"]],
  ["the unit replaced", "class CalcTest", "add = lambda a, b: 5\n\nclass CalcTest", ["mocked"]],
  ["ends the run", "class CalcTest", "import os\nos._exit(0)\n\nclass CalcTest", ["exits"]],
  ["no code any more", "class CalcTest(", "class CalcTest((", ["unreadable"]],
])("in Python: %s", async (_why, from, to, kinds) => {
  expect(await python(from, to)).toEqual(kinds);
});

test.each<[why: string, from: string, to: string, kinds: readonly Weakening["kind"][]]>([
  ["another value", "assert.equal(total, 5)", "assert.equal(total, 6)", ["assertion_changed"]],
  ["another comparison", "toBe(0)", "toBeDefined()", ["assertion_changed"]],
  ["always true", "assert.equal(total, 5)", "assert.ok(true)", ["assertion_changed"]],
  ["the same on both sides", "assert.equal(total, 5)", "assert.equal(total, total)", ["assertion_changed"]],
  ["nothing is said", "expect(add(0, 0)).toBe(0)", "expect(add(0, 0))", ["assertion_changed", "call_changed"]],
  ["swallowed", "assert.equal(total, 5);", "try { assert.equal(total, 5); } catch {}", ["assertion_changed"]],
  ["early return", "assert.equal(total, 5);", "return; assert.equal(total, 5);", ["assertion_changed", "ends_early"]],
  ["dead branch", "assert.equal(total, 5);", "if (false) { assert.equal(total, 5); }", ["assertion_changed"]],
  ["the result is written down", "const total = add(2, 3);", "const total = 5;", ["call_changed", "overwritten"]],
  ["the result is written over", "const total = add(2, 3);", "let total = add(2, 3); total = 5;", ["overwritten"]],
  ["for nothing", "assert.equal(total, 5);", "[].forEach(() => assert.equal(total, 5));", ["assertion_changed"]],
  ["after a no", "assert.equal(total, 5);", "total === 5 && assert.equal(total, 5);", ["assertion_changed"]],
  ["only where it holds", "assert.equal(total, 5);", "if (total === 5) assert.equal(total, 5);", ["assertion_changed"]],
  [
    "early return where it fails",
    "assert.equal(total, 5);",
    "if (total !== 5) return; assert.equal(total, 5);",
    ["ends_early"],
  ],
  ["failure expected", 'test("adds", ()', 'test("adds", { expectFailure: true }, ()', ["skipped"]],
  ["skipped before each", "describe(", "beforeEach((t) => t.skip());\ndescribe(", ["skipped"]],
  ["assertions that say nothing", "describe(", "assert.equal = () => {};\ndescribe(", ["mocked"]],
  ["expectations that say nothing", "describe(", "const expect = () => ({ toBe() {} });\ndescribe(", ["mocked"]],
  [
    "the exit code is written down",
    "describe(",
    "process.on('exit', () => { process.exitCode = 0; });\ndescribe(",
    ["exits"],
  ],
  ["skipped", 'test("adds"', 'test.skip("adds"', ["skipped"]],
  ["skipped by an option", 'test("adds", ()', 'test("adds", { skip: true }, ()', ["skipped"]],
  ["skipped by a quoted option", 'test("adds", ()', 'test("adds", { "skip": true }, ()', ["skipped"]],
  ["skipped by a computed option", 'test("adds", ()', "test(\"adds\", { ['skip'] : true }, ()", ["skipped"]],
  [
    "skipped by an option behind a long one",
    'test("adds", ()',
    `test("adds", { note: "${"x".repeat(600)}", skip: true }, ()`,
    ["skipped"],
  ],
  ["the group skipped", "describe(", "describe.skip(", ["skipped"]],
  ["to be done", 'test("adds"', 'test.todo("adds"', ["skipped"]],
  ["another is the only one", 'test("zero"', 'test.only("zero"', ["focused"]],
  ["renamed away", '"adds"', '"does not add"', ["test_removed"]],
  ["the unit mocked", "describe(", 'jest.mock("./calc.js");\ndescribe(', ["mocked"]],
  ["the unit shadowed", "    const total", "    const add = () => 5;\n    const total", ["mocked", "overwritten"]],
  ["ends the run", "describe(", "process.exit(0);\ndescribe(", ["exits"]],
])("in JavaScript: %s", async (_why, from, to, kinds) => {
  expect(await node(from, to)).toEqual(kinds);
});

test("what tests rest on: values, helpers, set-up and rows may be added to, not changed", async () => {
  const rows =
    "import pytest\nWANTED = 5\n\ndef check(x):\n    assert x == WANTED\n\n@pytest.mark.parametrize('a', [(1, 2), (2, 3)])\ndef test_a(a):\n    check(a)\n";
  const change = (from: string, to: string) => kindsOf("test_a.py", rows, rows.replace(from, to));
  expect(await change("WANTED = 5", "WANTED = 6")).toEqual(["support_changed"]);
  expect(await change("assert x == WANTED", "pass")).toEqual(["support_changed"]);
  expect(await change("(2, 3)]", "(2, 4)]")).toEqual(["support_changed"]);
  expect(await change(", (2, 3)]", "]")).toEqual(["support_changed"]);
  expect(await change("(2, 3)]", "(2, 3), (3, 4)]")).toEqual([]);
  expect(await change("WANTED = 5", "WANTED = 5\nMORE = 1")).toEqual([]);
  const each =
    "import { x } from './x';\nconst wanted = 5;\ndescribe('g', () => {\n  beforeEach(() => reset());\n  test.each([[1, 2], [2, 3]])('t', (a, b) => { expect(x(a)).toBe(b); });\n});\n";
  const swap = (from: string, to: string) => kindsOf("a.test.ts", each, each.replace(from, to));
  expect(await swap("wanted = 5", "wanted = 6")).toEqual(["support_changed"]);
  expect(await swap("reset()", "{}")).toEqual(["support_changed"]);
  expect(await swap("[2, 3]]", "[2, 4]]")).toEqual(["support_changed"]);
  expect(await swap("[2, 3]]", "[2, 3], [3, 4]]")).toEqual([]);
  const long = (end: string) => `WANTED = [${"1, ".repeat(5_000)}${end}]\n`;
  expect(await kindsOf("test_a.py", long("1"), long("2"))).toEqual(["support_changed"]);
});

test("files that go, and what says which tests run", async () => {
  expect(await kindsOf("tests/test_calc.py", PYTHON, undefined)).toEqual(["file_removed"]);
  expect(await kindsOf("package.json", '{"scripts":{"test":"node --test"}}', '{"scripts":{"test":"true"}}')).toEqual([
    "configuration",
  ]);
  expect(
    await kindsOf("package.json", '{"scripts":{"test":"x"},"version":"1"}', '{"scripts":{"test":"x"},"version":"2"}'),
  ).toEqual([]);
  expect(await kindsOf("pyproject.toml", "[tool.black]\nx = 1\n", "[tool.black]\nx = 2\n")).toEqual([]);
  expect(
    await kindsOf("pyproject.toml", "[project]\n", '[project]\n[tool.pytest.ini_options]\naddopts = "--co"\n'),
  ).toEqual(["configuration"]);
  const created = await testsWeakened({
    before: [],
    after: [
      { path: "conftest.py", text: "collect_ignore = ['tests']\n" },
      { path: "tests/test_new.py", text: "import os\nos._exit(0)\n" },
      { path: "tests/test_fine.py", text: "def test_x():\n    assert f() == 1\n" },
    ],
  });
  expect(created.map(({ path, kind }) => [path, kind])).toEqual([
    ["conftest.py", "configuration"],
    ["conftest.py", "skipped"],
    ["tests/test_new.py", "exits"],
  ]);
});

test("what tests hold results against, what serves them, and tests that run by another name", async () => {
  expect(await kindsOf("src/__snapshots__/a.test.ts.snap", "a", "b")).toEqual(["data_changed"]);
  expect(await kindsOf("tests/data/wanted.json", "[1]", "[2]")).toEqual(["data_changed"]);
  expect(await kindsOf("tests/data/wanted.json", "[1]", undefined)).toEqual(["data_changed"]);
  expect(await kindsOf("src/data/prices.json", "[1]", "[2]")).toEqual([]);
  const helper = "def check(x):\n    assert x == 5\n";
  expect(await kindsOf("tests/helpers.py", helper, helper.replace("5", "x"))).toEqual(["support_changed"]);
  expect(await kindsOf("tests/helpers.py", helper, `${helper}\n\ndef more():\n    pass\n`)).toEqual([]);
  expect(await kindsOf("calc_test.go", "func TestAdd() {}", "")).toEqual(["unreadable"]);
  expect(await kindsOf("shop/tests.py", PYTHON, PYTHON.replace("total, 5", "total, 6"))).toEqual(["assertion_changed"]);
  expect(await kindsOf("test-calc.js", NODE, NODE.replace("total, 5", "total, 6"))).toEqual(["assertion_changed"]);
  const odd = { path: "checks.py", text: "def test_a():\n    assert f() == 1\n" };
  const now = { ...odd, text: "def test_a():\n    f()\n" };
  expect(await testsWeakened({ before: [odd], after: [now] })).toEqual([]);
  const known = await testsWeakened({ before: [odd], after: [now], tests: ["checks.py"] });
  expect(known.map(({ kind }) => kind)).toContain("assertion_changed");
});
