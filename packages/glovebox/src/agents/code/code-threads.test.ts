import { expect, onTestFinished, test } from "vitest";
import { CodeThreads } from "./code-threads.ts";

function open(limits?: ConstructorParameters<typeof CodeThreads>[0]): CodeThreads {
  const threads = new CodeThreads(limits);
  onTestFinished(() => threads[Symbol.asyncDispose]());
  return threads;
}

test("a Python file is outlined: signatures, docs, members, nesting, imports and marks", async () => {
  const text = `import os.path as p
from ..shapes import Square as S, Circle
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from .later import Late

LIMIT = 3
_hidden = 4

def area(a, /, b: int = 2, *rest: int, scale: float = 1.0, **more) -> float:
    """The area.

    In square metres."""
    import json
    for x in rest:
        if x > b:
            return x  # TODO: units
    def inner():
        yield 1
    return a

class Shape(S):
    """A shape."""
    def __init__(self, name: str): self.name = name
    @property
    def size(self) -> int: return 1
    @staticmethod
    async def load(path): ...
    def _own(self): ...
`;
  const outline = await open().call("outline", { path: "pkg/shapes.py", text });
  expect(outline).toMatchObject({ language: "python", parses: true, leftOut: 0 });
  const byName = Object.fromEntries(outline.functions.map((one) => [one.qualifiedName, one]));
  expect(byName.area).toEqual({
    name: "area",
    qualifiedName: "area",
    line: 10,
    endLine: 20,
    kind: "function",
    params: [
      { name: "a", kind: "positional_only", optional: false },
      { name: "b", type: "int", default: "2", kind: "positional", optional: true },
      { name: "rest", type: "int", kind: "rest", optional: true },
      { name: "scale", type: "float", default: "1.0", kind: "keyword_only", optional: true },
      { name: "more", kind: "keyword_rest", optional: true },
    ],
    returns: "float",
    async: false,
    generator: false,
    exported: true,
    doc: "The area.\n\n    In square metres.",
    nesting: 2,
    decorators: [],
  });
  expect(byName["area.inner"]).toMatchObject({ generator: true, exported: false });
  expect(byName["Shape.__init__"]).toMatchObject({
    kind: "constructor",
    class: "Shape",
    params: [{ name: "name", type: "str" }],
  });
  expect(byName["Shape.size"]).toMatchObject({ kind: "getter", exported: true, decorators: ["property"] });
  expect(byName["Shape.load"]).toMatchObject({ kind: "static", async: true, params: [{ name: "path" }] });
  expect(byName["Shape._own"]).toMatchObject({ exported: false });
  expect(outline.classes).toMatchObject([{ name: "Shape", bases: ["S"], doc: "A shape.", exported: true }]);
  expect(outline.imports).toEqual([
    { module: "os.path", names: [], line: 1, typeOnly: false, atLoad: true },
    { module: "..shapes", names: ["Square", "Circle"], line: 2, typeOnly: false, atLoad: true },
    { module: "typing", names: ["TYPE_CHECKING"], line: 3, typeOnly: false, atLoad: true },
    { module: ".later", names: ["Late"], line: 5, typeOnly: true, atLoad: true },
    { module: "json", names: [], line: 14, typeOnly: false, atLoad: false },
  ]);
  expect(outline.exports.map(({ name }) => name)).toEqual(["LIMIT", "area", "Shape"]);
  expect(outline.todo).toEqual([{ line: 17, text: "TODO: units" }]);
});

test("a TypeScript file is outlined: signatures, docs, members, nesting, imports and exports", async () => {
  const text = `import path, { join as j } from "node:path";
import type { Shape } from "./shape.ts";
export * from "./more.ts";

/** Adds. */
export async function add(a: number, b = 2, c?: string, ...rest: number[]): Promise<number> {
  if (a) { return 1; } else if (b) { return 2; } else if (c) { for (;;) {} }
  return a;
}
/**
 * Twice.
 */
export const twice = (x: number): number => x * 2;
const hidden = ({ a, b }: Shape) => a;
function later() {}
export { later as soon };
export default class Box<T> extends Base<T> implements Shape {
  #secret() {}
  private own() {}
  static make(): Box<number> { return new Box(); }
  get size(): number { return 1; } // FIXME
  constructor(private readonly name: string) { super(); }
  handler = async () => {};
}
`;
  const outline = await open().call("outline", { path: "src/a.ts", text });
  const byName = Object.fromEntries(outline.functions.map((one) => [one.qualifiedName, one]));
  expect(outline).toMatchObject({ language: "typescript", parses: true });
  expect(byName.add).toMatchObject({
    line: 6,
    endLine: 9,
    params: [
      { name: "a", type: "number", kind: "positional", optional: false },
      { name: "b", default: "2", kind: "positional", optional: true },
      { name: "c", type: "string", kind: "positional", optional: true },
      { name: "rest", type: "number[]", kind: "rest", optional: true },
    ],
    returns: "Promise<number>",
    async: true,
    exported: true,
    doc: "Adds.",
    nesting: 2,
  });
  expect(byName.twice).toMatchObject({ exported: true, doc: "Twice.", params: [{ name: "x", type: "number" }] });
  expect(byName.hidden).toMatchObject({
    exported: false,
    params: [{ name: "{ a, b }", kind: "pattern", type: "Shape" }],
  });
  expect(byName.later).toMatchObject({ exported: true });
  expect(byName["Box.#secret"]).toMatchObject({ exported: false, class: "Box" });
  expect(byName["Box.own"]).toMatchObject({ exported: false });
  expect(byName["Box.make"]).toMatchObject({ exported: true, kind: "static", returns: "Box<number>" });
  expect(byName["Box.size"]).toMatchObject({ kind: "getter" });
  expect(byName["Box.constructor"]).toMatchObject({ kind: "constructor", params: [{ name: "name", type: "string" }] });
  expect(byName["Box.handler"]).toMatchObject({ kind: "method", async: true });
  expect(outline.classes).toMatchObject([{ name: "Box", bases: ["Base", "Shape"], exported: true }]);
  expect(outline.imports).toEqual([
    { module: "node:path", names: ["default", "join"], line: 1, typeOnly: false, atLoad: true },
    { module: "./shape.ts", names: ["Shape"], line: 2, typeOnly: true, atLoad: true },
    { module: "./more.ts", names: ["*"], line: 3, typeOnly: false, atLoad: true },
  ]);
  expect(outline.exports.map(({ name }) => name).toSorted()).toEqual(["Box", "add", "default", "soon", "twice"]);
});

test("CommonJS and elements are read too", async () => {
  const threads = open();
  const common = `const fs = require("fs");\nexports.a = function (x) {};\nfunction b(x = 1) {}\nfunction c() { require("late"); }\nmodule.exports = { b, d: c };\n`;
  const outline = await threads.call("outline", { path: "a.cjs", text: common });
  expect(outline.functions.map(({ name, exported }) => [name, exported])).toEqual([
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
  expect(outline.exports.map(({ name }) => name)).toEqual(["a", "b", "d"]);
  expect(outline.imports.map(({ module, atLoad }) => [module, atLoad])).toEqual([
    ["fs", true],
    ["late", false],
  ]);
  expect(
    await threads.call("check", { path: "a.tsx", text: "export const A = (p: { n: number }) => <b>{p.n}</b>;\n" }),
  ).toEqual([]);
  expect(await threads.call("check", { path: "a.jsx", text: "export const A = (p) => <b>{p.n}</b>;\n" })).toEqual([]);
});

test("what does not parse is told with its place, and outlined as far as it can be read", async () => {
  const threads = open();
  const [problem] = await threads.call("check", { path: "a.py", text: "x = 1\ndef f(:\n    pass\n" });
  expect(problem).toMatchObject({ line: 2 });
  const outline = await threads.call("outline", { path: "a.py", text: "def good(a): pass\n\ndef bad(:\n" });
  expect(outline.parses).toBe(false);
  expect(outline.functions.map(({ name }) => name)).toEqual(["good", "bad"]);
  await expect(threads.call("check", { path: "a.rb", text: "" })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("hostile code is bounded: too long, too deep, too many functions, too slow", async () => {
  const threads = open({ threads: 1 });
  await expect(threads.call("check", { path: "a.py", text: " ".repeat(1024 * 1024 + 1) })).rejects.toMatchObject({
    code: "payload_too_large",
  });
  const deep = await threads.call("outline", { path: "a.js", text: `function f() ${"{if(x)".repeat(5_000)}` });
  expect(deep.functions.length).toBeLessThanOrEqual(1);
  const many = await threads.call("outline", { path: "a.py", text: "def f(): pass\n".repeat(5001) });
  expect([many.functions.length, many.leftOut]).toEqual([5000, 1]);
  await expect(
    open({ cpuLimitMs: 1 }).call("outline", { path: "a.ts", text: "a<b>(".repeat(10_000) }),
  ).rejects.toMatchObject({
    details: { limit: "time" },
  });
});

test("Python is written as ruff writes it, and nesting that traps a formatter ends its thread, not the next call", async () => {
  const threads = open({ threads: 1 });
  const messy = { path: "a.py", text: "def f( a,b ):\n  return  [a,b,  'c']\n" };
  const clean = 'def f(a, b):\n    return [a, b, "c"]\n';
  expect(await threads.call("format", messy)).toBe(clean);
  expect(await threads.call("format", { ...messy, lineLength: 40 })).toBe(clean);
  expect(
    await threads.call("format", { path: "a.py", text: `x = [${"'abcdef', ".repeat(6)}]`, lineLength: 40 }),
  ).toContain("\n");
  expect(await threads.call("format", { path: "a.ts", text: "f();  \n\n\n" })).toBe("f();\n");
  await expect(threads.call("format", { path: "a.py", text: "def f(:" })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await expect(
    threads.call("format", { path: "a.py", text: `x = ${"(".repeat(50_000)}1${")".repeat(50_000)}` }),
  ).rejects.toMatchObject({
    code: "payload_too_large",
  });
  expect(await threads.call("format", messy)).toBe(clean);
});
