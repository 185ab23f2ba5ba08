import { describe, expect, test } from "vitest";
import { makeConsole } from "./console.ts";
import { makeInspect } from "./inspect.ts";
import { makeInspectSpecial } from "./inspect-special.ts";
import { makeToJson } from "./json.ts";

const inspect = makeInspect(
  makeInspectSpecial((value) => (value instanceof Promise ? ["pending", undefined] : undefined)),
);
const toJson = makeToJson();

describe("inspect", () => {
  test.each<[unknown, string]>([
    [
      { a: 1, "b-c": [1, "x", null, undefined, true], [Symbol("s")]: 2n },
      "{ a: 1, 'b-c': [ 1, 'x', null, undefined, true ], [Symbol(s)]: 2n }",
    ],
    [
      {
        get g() {
          return 1;
        },
        set s(_: number) {},
        f() {},
        k: class K {},
      },
      "{ g: [Getter], s: [Setter], f: [Function: f], k: [class K] }",
    ],
    [Object.create(null), "[Object: null prototype] {}"],
    [[[[[[1]]]]], "[ [ [ [ [Array] ] ] ] ]"],
    [new Uint8Array([1, 2]), "Uint8Array(2) [ 1, 2 ]"],
    [new ArrayBuffer(3), "ArrayBuffer { byteLength: 3 }"],
    [/a\/b/gi, "/a\\/b/gi"],
    [new Date(Number.NaN), "[cut]"],
    [Promise.resolve(), "Promise { <pending> }"],
    [new Map([["k", { v: 1 }]]), "Map(1) { 'k' => { v: 1 } }"],
    [new Set(), "Set(0) {}"],
    ["it's", '"it\'s"'],
    ['say "x" \\ \n', "'say \"x\" \\\\ \\n'"],
    [-0, "-0"],
  ])("%o", (value, expected) => {
    const text = inspect(value, 4096);
    if (expected === "[cut]") expect(text).toContain("Invalid Date");
    else expect(text).toBe(expected);
  });

  test("is bounded in what it shows", () => {
    expect(
      inspect(
        Array.from({ length: 1000 }, (_, i) => i),
        10_000,
      ),
    ).toContain("... 900 more items");
    expect(inspect(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, i])), 10_000)).toContain(
      "100 more items",
    );
    expect(inspect("x".repeat(1e6), 100).length).toBeLessThan(110);
    const wide = (depth: number): unknown => (depth === 0 ? "leaf" : Array.from({ length: 50 }, () => wide(depth - 1)));
    expect(inspect(wide(3), 500).length).toBeLessThan(2000);
    const self: Record<string, unknown> = {};
    self.self = self;
    expect(inspect(self, 100)).toBe("{ self: [Circular] }");
  });

  test("an error shows its stack", () => {
    expect(inspect(new TypeError("t"), 1000)).toMatch(/^TypeError: t\n/);
    expect(inspect(Object.assign(new Error("x"), { stack: undefined }), 1000)).toBe("[Error: x]");
  });
});

describe("JSON", () => {
  test.each<[unknown, string | undefined]>([
    [
      { a: [1, "x", null, undefined, () => 1], u: undefined, d: new Date(0) },
      '{"a":[1,"x",null,null,null],"d":"1970-01-01T00:00:00.000Z"}',
    ],
    [Number.NaN, undefined],
    [1n, undefined],
    [new Map(), undefined],
    [undefined, undefined],
    [{ toJSON: () => ({ k: 1 }) }, '{"k":1}'],
    [
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
      undefined,
    ],
  ])("%o", (value, expected) => expect(toJson(value, 1000)).toBe(expected));

  test("is bounded in length and depth", () => {
    expect(toJson("x".repeat(2000), 1000)).toBeUndefined();
    expect(toJson(Array.from({ length: 1000 }), 1000)).toBeUndefined();
    expect(toJson(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, i])), 1000)).toBeUndefined();
    let deep: unknown = 1;
    for (let i = 0; i < 100; i += 1) deep = [deep];
    expect(toJson(deep, 10_000)).toBeUndefined();
  });
});

test("the console formats, groups, counts and times", () => {
  const said: string[] = [];
  const log = makeConsole((level, text) => said.push(`${level} ${text}`), inspect, toJson) as unknown as Console;
  log.log("a", { b: 1 });
  log.group("g");
  log.warn("in");
  log.groupEnd();
  log.count("c");
  log.assert(0, "why");
  log.assert(true);
  log.time();
  log.timeEnd();
  log.timeEnd("none");
  log.dir([1]);
  log.table([2]);
  log.trace("here");
  expect(said.slice(0, 5)).toEqual([
    'log "a { b: 1 }"',
    'log "g"',
    'warn "  in"',
    'log "c: 1"',
    'error "Assertion failed: why"',
  ]);
  expect(said).toHaveLength(9);
  expect(said.at(-1)).toContain("Trace: here");
});
