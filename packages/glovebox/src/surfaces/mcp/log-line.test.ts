import fc from "fast-check";
import { expect, test } from "vitest";
import { MCP_LIMITS } from "./limits.ts";
import { logLine } from "./log-line.ts";

test("whatever a program wrote is one line, and can be read back", () => {
  const what = fc.string({ unit: "binary", maxLength: 20 });
  fc.assert(
    fc.property(fc.nat(), what, fc.jsonValue(), (seq, step, payload) => {
      const line = logLine(seq, step, payload);
      expect(line).not.toMatch(/[\n\r\u2028\u2029]/);
      expect(line.startsWith(`${seq} `)).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(logLine(7, "stdout", { text: "a\n8 stdout {}" })).toBe('7 stdout {"text":"a\\n8 stdout {}"}');
  expect(JSON.parse(logLine(7, "x", { text: "\u2028" }).slice(4))).toEqual({ text: "\u2028" });
});

test("a line has a bound, and says that it was cut", () => {
  const line = logLine(1, "stdout", { text: "😀".repeat(MCP_LIMITS.textCharacters) });
  expect(line.length).toBeLessThan(MCP_LIMITS.textCharacters + 10);
  expect(line).toMatch(/\[cut\]$/);
  expect(line.isWellFormed()).toBe(true);
});
