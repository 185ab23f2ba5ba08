import fc from "fast-check";
import { expect, test } from "vitest";
import { idTimeMs, isId, newId } from "./ids.ts";

test("ids are UUIDv7, unique, and sorted by their creation even when the clock stands still or jumps back", () => {
  const made: string[] = [];
  for (let i = 0; i < 10_000; i += 1) made.push(newId(i < 5_000 ? 1_800_000_000_000 : 1_700_000_000_000));
  expect(new Set(made).size).toBe(made.length);
  expect([...made].sort()).toEqual(made);
  expect(made.every(isId)).toBe(true);
});

test("an id carries its creation time", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), (step) => {
      const at = Date.UTC(2040, 0, 1) + step * 1_000_000_000;
      expect(idTimeMs(newId(at))).toBeGreaterThanOrEqual(at);
    }),
  );
});

test("what is not a UUIDv7 in canonical form is no id", () => {
  for (const text of ["", "x", "../..", newId().toUpperCase(), `${newId()} `, "00000000-0000-4000-8000-000000000000"]) {
    expect(isId(text)).toBe(false);
  }
});
