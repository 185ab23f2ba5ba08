import fc from "fast-check";
import { expect, test } from "vitest";
import { mutations } from "./mutate.ts";
import { applyChanges, areApart, type Mutation } from "./mutation.ts";

const NO_HINTS = { numbers: [], texts: [], names: [] };

async function all(
  path: string,
  text: string,
  line?: number,
  hints: Parameters<typeof mutations>[0]["hints"] = NO_HINTS,
): Promise<readonly Mutation[]> {
  const lines = text
    .split("\n")
    .map((_, at) => ({ line: at + 1, score: line === undefined || line === at + 1 ? 1 : 0.01 }));
  return mutations({ path, text, lines, hints, favoured: [], limit: 5_000, limitPerLine: 5_000 });
}

/** Each: a line that is wrong, and what has to be among the changes of it. */
test.each([
  ["operator", "def f(a, b):\n    return a + b", "    return a - b"],
  ["boundary", "def f(a, b):\n    return a < b", "    return a <= b"],
  ["negation", "def f(a):\n    if a.ok:\n        return 1", "    if not a.ok:"],
  ["membership", "def f(a, b):\n    return a in b", "    return a not in b"],
  ["logic", "def f(a, b):\n    return a and b", "    return a or b"],
  ["off by one", "def f(a):\n    return a[0]", "    return a[1]"],
  ["a bound of range", "def f(a):\n    for i in range(len(a)):\n        pass", "    for i in range(len(a) - 1):"],
  ["arguments", "def f(a, b):\n    return g(a, b)", "    return g(b, a)"],
  ["variable", "def f(a, b):\n    c = a\n    return c", "    return b"],
  ["method", "def f(a):\n    a.append(1)", "    a.extend(1)"],
  ["return", "def f(a):\n    if a:\n        return 1\n    g(a)", "    return g(a)"],
  ["guard", "def f(a):\n    x = 1\n    return a.b", "    if not a:\n        return None\n    return a.b"],
  ["division", "def f(a, b):\n    return a / b", "    return (a / b if b else 0)"],
  ["slice", "def f(a, n):\n    return a[n:]", "    return a[n + 1:]"],
  [
    "exception",
    "def f():\n    try:\n        g()\n    except KeyError:\n        pass",
    "    except (KeyError, ValueError):",
  ],
  ["default", "def f(a=[]):\n    return a", "def f(a=None):\n    if a is None:\n        a = []\n    return a"],
  ["jump", "def f(a):\n    for x in a:\n        break\n    return 0", "        continue"],
  ["deletion", "def f(a):\n    a.x()\n    a.y()", "def f(a):\n    a.y()"],
  ["progress", "def f(a):\n    i = 0\n    while i < a:\n        g(i)", "        g(i)\n        i += 1"],
  ["text", 'def f():\n    return "."', '    return " "'],
  ["a wait", "async def f(a):\n    return g(a)", "    return await g(a)"],
  ["a wait within", "async def f(a):\n    return g(a).b", "    return (await g(a)).b"],
  ["a row that is begun", "def f(a, b):\n    return (a + 1) // b", "    return -(-(a + 1) // b)"],
  ["the other order", "def f(a):\n    return sorted(a, key=g)", "    return sorted(a, key=g, reverse=True)"],
  ["the last ones", "def f(a, n):\n    return a[:n]", "    return a[-n:]"],
  ["the other index", "def f(m, i, j):\n    return m[i][j]", "    return m[j][i]"],
  ["what it was then", "def f(a):\n    for i in a:\n        g(lambda x: x + i)", "        g(lambda x, i=i: x + i)"],
  ["what was computed", "def f(a):\n    there = g(a)\n    return a - len(a)", "    return a - there"],
  ["what was given", "def f(a, b):\n    a[b] = 1\n    return a", "    a = a.copy()\n    a[b] = 1"],
  ["compared as", "def day(t):\n    return t\n\n\ndef f(a, b):\n    return a < b", "    return day(a) < day(b)"],
  ["compared as numbers", "def f(a, b):\n    return a < b", "    return int(a) < int(b)"],
])("Python: %s", async (_what, text, wanted) => {
  const texts = (await all("m.py", text)).map((one) => applyChanges(text, [one]));
  expect(texts.some((changed) => changed.includes(wanted))).toBe(true);
});

test.each([
  ["operator", "export const f = (a: number, b: number) => a * b;", "a / b"],
  ["comparison", "function f(a, b) {\n  return a === b;\n}", "a !== b"],
  ["nullish", "function f(a) {\n  return a.b;\n}", "a?.b"],
  ["guard", "function f(a) {\n  return a.b;\n}", "if (a === undefined) return undefined;"],
  ["slice", "function f(s, n) {\n  return s.slice(n, 2);\n}", "s.slice(n, n + 2)"],
  ["method", "function f(s) {\n  return s.some(g);\n}", "s.every(g)"],
  ["arguments", "function f(s) {\n  return g(s, 1);\n}", "g(1, s)"],
  ["thrown", 'function f() {\n  throw new Error("x");\n}', 'throw new RangeError("x")'],
  ["a wait", "async function f(a) {\n  return g(a);\n}", "await g(a)"],
  ["numbers in order", "function f(s) {\n  return s.sort();\n}", "s.sort((a, b) => a - b)"],
  ["the last ones", "function f(s, n) {\n  return s.slice(0, n);\n}", "s.slice(-n)"],
  ["the other index", "function f(m, i, j) {\n  return m[i][j];\n}", "m[j][i]"],
  ["one for each round", "function f(a) {\n  for (var i of a) g(() => i);\n}", "for (let i of a)"],
  ["what was given", "function f(a) {\n  a.push(1);\n  return a;\n}", "  a = [...a];\n  a.push(1);"],
  ["compared as numbers", "function f(a, b) {\n  return a < b;\n}", "Number(a) < Number(b)"],
  ["copy", "function f(s) {\n  return s.sort();\n}", "[...s].sort()"],
  [
    "private member",
    "class A {\n  #a = 1;\n  #b = 2;\n  f() {\n    this.#b = 3;\n    return this.#a;\n  }\n}",
    "return this.#b",
  ],
  ["boolean", "function f() {\n  return true;\n}", "return false"],
  [
    "update",
    "function f(xs) {\n  let previous;\n  for (const x of xs) {\n    g(previous);\n  }\n}",
    "g(previous);\n    previous = x;",
  ],
])("TypeScript: %s", async (_what, text, wanted) => {
  const texts = (await all("m.ts", text)).map((one) => applyChanges(text, [one]));
  expect(texts.some((changed) => changed.includes(wanted))).toBe(true);
});

test("numbers and names of the failures are tried", async () => {
  const hints = { numbers: ["4096"], texts: ["north"], names: ["StockError"] };
  const text = 'def f():\n    raise KeyError(7, "south")';
  const texts = (await all("m.py", text, undefined, hints)).map((one) => one.text);
  expect(texts).toEqual(expect.arrayContaining(["4096", '"north"', "StockError"]));
});

test("the most suspicious line comes first, no line takes all places, and the order is always the same", async () => {
  const text = "def f(a, b):\n    c = a + b\n    return c * 2\n";
  const lines = [
    { line: 2, score: 0.4 },
    { line: 3, score: 0.9 },
  ];
  const request = { path: "m.py", text, lines, hints: NO_HINTS, favoured: [], limit: 12, limitPerLine: 8 };
  const ranked = await mutations(request);
  expect(ranked).toEqual(await mutations(request));
  expect(ranked).toHaveLength(12);
  expect(ranked[0]).toMatchObject({ line: 3, score: 0.72 });
  expect(ranked.filter(({ line }) => line === 3)).toHaveLength(8);
  expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a));
});

test("kinds that the failures speak for come first", async () => {
  const text = "def f(a, b):\n    return a[1:] + b\n";
  const request = {
    path: "m.py",
    text,
    lines: [{ line: 2, score: 1 }],
    hints: NO_HINTS,
    limit: 500,
    limitPerLine: 500,
  };
  expect((await mutations({ ...request, favoured: [] }))[0]?.kind).toBe("off_by_one");
  expect((await mutations({ ...request, favoured: ["slice"] }))[0]?.kind).toBe("slice");
});

test("lines that are not asked for stay as they are", async () => {
  const text = "def f(a):\n    b = a + 1\n    c = b * 2\n    return c\n";
  const found = await mutations({
    path: "m.py",
    text,
    lines: [{ line: 3, score: 1 }],
    hints: NO_HINTS,
    favoured: [],
    limit: 500,
    limitPerLine: 500,
  });
  expect(found.length).toBeGreaterThan(10);
  for (const one of found) {
    const changed = applyChanges(text, [one]);
    expect(changed.startsWith("def f(a):\n    b = a + 1\n")).toBe(true);
    expect(changed).not.toBe(text);
  }
});

test("a number is left out rather than made one that does nothing", async () => {
  const text = "def f(a):\n    return [len(a) - 1, a * 2, 2 * a, a // 2, 1 + a, a ** 2]\n";
  const texts = (await all("m.py", text)).map((one) => applyChanges(text, [one]));
  expect(texts.some((changed) => changed.includes("[len(a), "))).toBe(true);
  for (const changed of texts) expect(changed).not.toMatch(/[-+] 0\b|\b0 \+|[*/] 1\b|\b1 \*|[-+] \(?-/);
});

test("changes that touch are not made together", () => {
  const at = (start: number, end: number, path = "m.py") => ({ path, line: 1, start, end, text: "", score: 1 });
  expect(areApart(at(0, 3), at(2, 5))).toBe(false);
  expect(areApart(at(0, 3), at(3, 5))).toBe(false);
  expect(areApart(at(0, 3), at(4, 5))).toBe(true);
  expect(areApart(at(0, 3), at(0, 3, "n.py"))).toBe(true);
  expect(
    applyChanges("abcdef", [
      { start: 0, end: 1, text: "xx" },
      { start: 3, end: 4, text: "" },
    ]),
  ).toBe("xxbcef");
});

test("whatever the code looks like, changes lie within it and are bounded", async () => {
  const piece = fc.constantFrom(
    "def f(a):\n",
    "    return ",
    "a[1:",
    "]",
    "(",
    ")",
    " + ",
    "x",
    "not ",
    "if ",
    ":\n",
    "while a < 3:\n        ",
    '"',
    "\n",
    "😀",
    "except ",
    "1",
    ".pop(",
    "break",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 40 }),
      fc.constantFrom("m.py", "m.ts", "m.js"),
      async (pieces, path) => {
        const text = pieces.join("");
        const lines = Array.from({ length: 20 }, (_, at) => ({ line: at + 1, score: 1 }));
        const found = await mutations({
          path,
          text,
          lines,
          hints: NO_HINTS,
          favoured: [],
          limit: 50,
          limitPerLine: 20,
        });
        expect(found.length).toBeLessThanOrEqual(50);
        for (const { start, end } of found) expect(0 <= start && start <= end && end <= text.length).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});
