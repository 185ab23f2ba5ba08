import { expect, test } from "vitest";
import { parseFailure } from "../failures/parse-failure.ts";
import { lineFacts } from "./line-facts.ts";
import { localise } from "./localise.ts";
import { ochiai } from "./ochiai.ts";
import { refine } from "./refine.ts";

const SOURCE = `LIMITS = [
    (10, "a"),
    (20, "b"),
]
NAME = "x"

def total(values, start=1):
    result = start
    for value in values:
        result += value
    return result

def first(values):
    return values[0] if values else NAME
`;

async function suspects(
  perTest: Record<string, number[]>,
  { failing, message = "AssertionError: 1 != 2", stack = "" }: { failing: string[]; message?: string; stack?: string },
) {
  const path = "m.py";
  const covered = Object.fromEntries(Object.entries(perTest).map(([test, lines]) => [test, { [path]: lines }]));
  const failures = failing.map((id) =>
    parseFailure({ id, status: "failed", message, stack }, { root: "/r", isTest: () => false }),
  );
  const passing = Object.keys(perTest).filter((id) => !failing.includes(id));
  const facts = { [path]: await lineFacts({ path, text: SOURCE }) };
  return localise({ perTest: covered, imported: {}, failing, passing, failures, facts });
}

test("Ochiai's coefficient is failed / sqrt(all failed * all that ran the line)", () => {
  const perTest = { a: { "m.py": [1, 2] }, b: { "m.py": [2] }, c: { "m.py": [2, 3] } };
  const lines = ochiai(perTest, new Set(["a"]), new Set(["b", "c"])).get("m.py");
  expect(lines?.get(1)).toEqual({ score: 1, failed: 1, passed: 0 });
  expect(lines?.get(2)?.score).toBeCloseTo(1 / Math.sqrt(3));
  expect(lines?.has(3)).toBe(false);
});

test("lines of failing tests alone come first; those with nothing to get wrong after others; each with why", async () => {
  const ranked = await suspects({ bad: [8, 9, 10, 11], good: [14] }, { failing: ["bad"] });
  expect(ranked.map(({ line }) => line)).not.toContain(14);
  expect(ranked[0]).toMatchObject({ path: "m.py", line: 10, tests: 1 });
  expect(ranked[0]?.why[0]).toBe("run by 1 failing and 0 passing tests");
  const plain = ranked.find(({ line }) => line === 11);
  expect(plain?.why).toContain("little to get wrong");
});

test("defaults of parameters and constants are suspicious with what uses them", async () => {
  const signature = await suspects({ bad: [8, 9, 10, 11], good: [14] }, { failing: ["bad"] });
  expect(signature.map(({ line }) => line)).toContain(7);
  const constant = await suspects({ bad: [14], good: [8, 9, 10, 11] }, { failing: ["bad"] });
  expect(constant.map(({ line }) => line)).toEqual([14, 5]);
});

test("where an error comes from is more suspicious than what ran as well", async () => {
  const stack = 'Traceback\n  File "/r/m.py", line 9, in total\nTypeError: x';
  const ranked = await suspects({ bad: [8, 9, 10, 11] }, { failing: ["bad"], message: "TypeError: x", stack });
  expect(ranked[0]).toMatchObject({ line: 9 });
  expect(ranked[0]?.why).toContain("the error comes from here");
});

test("what a change did to the tests says more: its line rises, and that of a repair is first", () => {
  const base = [1, 2, 3].map((line) => ({ path: "m.py", line, score: 0.5 - line / 10, tests: 1, why: [] }));
  const helped = { change: { path: "m.py", line: 3 }, fixed: 1, broken: 0 };
  expect(refine(base, [helped], []).map(({ line }) => line)).toEqual([3, 1, 2]);
  expect(refine(base, [helped], [{ path: "m.py", line: 2 }]).map(({ line }) => line)).toEqual([2, 3, 1]);
});
