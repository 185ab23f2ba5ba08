import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isTestFile } from "../test-files.ts";
import { framesIn } from "./frames.ts";
import { hintsFrom } from "./hints.ts";
import { parseFailure } from "./parse-failure.ts";

const root = "/workspace/repo";
const isTest = (path: string) => isTestFile(path, new Set());

function parse(name: string) {
  const stack = readFileSync(join(import.meta.dirname, "../testdata", `${name}.txt`), "utf8");
  const message = /^(?:E\s+)?(\w*(?:Error)\b.*(?:\n\n.+)?)/m.exec(stack)?.[1];
  const { frames, testFrames, kind, errorName } = parseFailure(
    { id: "t", status: "error", message, stack },
    { root, isTest },
  );
  const places = (all: typeof frames) => all.map(({ path, line }) => `${path}:${line}`);
  return { frames: places(frames), testFrames: places(testFrames), kind, errorName };
}

test.each([
  ["unittest", "key", "KeyError", ["pkg/stock.py:2", "pkg/stock.py:6", "pkg/stock.py:6"], ["test_stock.py:7"]],
  ["pytest", "key", "KeyError", ["pkg/stock.py:2", "pkg/stock.py:6", "pkg/stock.py:6"], ["test_stock.py:7"]],
  [
    "node-test",
    "nothing",
    "TypeError",
    ["src/stock.ts:3", "src/stock.ts:7", "src/stock.ts:7"],
    ["src/stock.test.ts:4"],
  ],
  ["vitest", "nothing", "TypeError", ["src/stock.ts:3", "src/stock.ts:7", "src/stock.ts:7"], ["src/stock.test.ts:3"]],
  ["jest", "nothing", "TypeError", ["src/stock.js:2", "src/stock.js:6", "src/stock.js:6"], ["src/stock.test.js:4"]],
  ["mocha", "assertion", "AssertionError", [], ["test/stock.js:5"]],
  ["syntax", "syntax", "SyntaxError", ["src/stock.js:3"], []],
])("what %s says of a failure is read", (name, kind, errorName, frames, testFrames) => {
  expect(parse(name)).toEqual({ kind, errorName, frames, testFrames });
});

test("kinds of errors are told by what a test says", () => {
  const kindOf = (message: string, status = "failed") =>
    parseFailure({ id: "t", status, message }, { root, isTest }).kind;
  expect([
    kindOf("AssertionError: ValueError not raised"),
    kindOf("AssertionError: Missing expected exception (RangeError)."),
    kindOf("AssertionError: None != 3"),
    kindOf("ZeroDivisionError: division by zero"),
    kindOf("IndexError: list index out of range"),
    kindOf("RangeError: Maximum call stack size exceeded"),
    kindOf("", "timeout"),
    kindOf("ModuleNotFoundError: No module named 'x'"),
    kindOf("something else"),
  ]).toEqual(["not_raised", "not_raised", "nothing", "division", "index", "recursion", "timeout", "import", "other"]);
});

test("frames outside of the repository, and in what it brings along, are left out", () => {
  const lines = [
    "/usr/lib/python3.11/unittest/case.py",
    `${root}/node_modules/x/a.py`,
    "../escape.py",
    "<string>",
    `${root}/a/../../b.py`,
  ];
  expect(framesIn(lines.map((path) => `  File "${path}", line 3, in f`).join("\n"), root)).toEqual([]);
});

test("hostile text is read in bounded time, and gives bounded frames of the repository", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '  File "',
      '", line ',
      ", in ",
      "    at ",
      "(file:///workspace/repo/",
      ".ts:1:1)",
      ".py:",
      "❯ ",
      "async ",
      "\n",
      " ",
      "9".repeat(30),
    ),
    fc.string({ maxLength: 20 }),
  );
  const text = fc.array(piece, { maxLength: 200 }).map((all) => all.join(""));
  fc.assert(
    fc.property(text, (hostile) => {
      for (const { path, line } of framesIn(hostile, root)) {
        expect(path.startsWith("/") || path.split("/").includes("..")).toBe(false);
        expect(line).toBeGreaterThan(0);
      }
      expect(framesIn(hostile, root).length).toBeLessThanOrEqual(50);
      for (const all of Object.values(hintsFrom([hostile]))) expect(all.length).toBeLessThanOrEqual(6);
    }),
    { numRuns: 300 },
  );
  // What backtracks, if anything does.
  for (const bad of [
    "    at ".repeat(20_000),
    `    at ${"a ".repeat(30_000)}`,
    `  File "${"a".repeat(60_000)}`,
    "a.py:".repeat(20_000),
    "'".repeat(60_000),
  ]) {
    framesIn(bad, root);
    hintsFrom([bad]);
  }
});

test("numbers, short texts and names in failures are hints", () => {
  expect(hintsFrom(["AssertionError: [10, 20] != [100, 200] in 'a b'", "MachineError not raised"])).toEqual({
    numbers: ["10", "20", "100", "200"],
    texts: ["a b"],
    names: ["AssertionError", "MachineError"],
  });
});

test("files of tests are known by their names, and by having tests", () => {
  const names = [
    "test_a.py",
    "a_test.py",
    "src/a.test.ts",
    "tests/data.py",
    "conftest.py",
    "x/__tests__/a.js",
    "test/util.js",
  ];
  expect(names.filter(isTest)).toEqual(names);
  expect(["src/testing.ts", "latest.py", "contest.js", "src/attest.ts"].filter(isTest)).toEqual([]);
  expect(isTestFile("odd.py", new Set(["odd.py"]))).toBe(true);
});
