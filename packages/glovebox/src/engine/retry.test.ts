import fc from "fast-check";
import { expect, test } from "vitest";
import { ERROR_CODES, GloveboxError } from "../core/index.ts";
import { isRetryable, nextDelayMs } from "./retry.ts";

const busy = new GloveboxError("unavailable", "busy");
const LONG = { maxAttempts: 100 };

test("delays double from 1 s to 60 s, and chance takes at most half of them", () => {
  const full = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((failures) => nextDelayMs(LONG, busy, failures, 1));
  expect(full).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
      const most = nextDelayMs(LONG, busy, failures, 1) ?? 0;
      const delay = nextDelayMs(LONG, busy, failures, chance) ?? 0;
      expect(delay).toBeGreaterThanOrEqual(most / 2);
      expect(delay).toBeLessThanOrEqual(most);
    }),
  );
});

test("who was told how long to wait waits that long, an hour at most", () => {
  const told = (retryAfterMs: unknown) => new GloveboxError("rate_limited", "x", { details: { retryAfterMs } });
  expect([90_000, 1e9, 10, -1, "soon"].map((ms) => nextDelayMs(LONG, told(ms), 1, 1))).toEqual([
    90_000, 3_600_000, 1000, 1000, 1000,
  ]);
});

test("there is an end to attempts: 3 unless said otherwise, never more than 100", () => {
  expect(nextDelayMs(undefined, busy, 2, 0)).toBeDefined();
  expect(nextDelayMs(undefined, busy, 3, 0)).toBeUndefined();
  expect(nextDelayMs({ maxAttempts: 5 }, busy, 4, 0)).toBeDefined();
  expect(nextDelayMs({ maxAttempts: 1_000_000 }, busy, 100, 0)).toBeUndefined();
});

test("only what passes by itself is tried again, unless the error or the policy knows better", () => {
  const retried = ERROR_CODES.filter((code) => isRetryable(new GloveboxError(code, "x")));
  expect(retried).toContain("unavailable");
  for (const code of ["invalid_argument", "conflict", "budget_exceeded", "cancelled", "internal"] as const) {
    expect(retried).not.toContain(code);
  }
  const says = (retryable: boolean) => new GloveboxError("conflict", "x", { details: { retryable } });
  expect([isRetryable(says(true)), isRetryable(says(false))]).toEqual([true, false]);
  expect(nextDelayMs({ when: () => false }, busy, 1, 0)).toBeUndefined();
  expect(nextDelayMs({ when: () => true, firstDelayMs: 10 }, says(false), 1, 1)).toBe(10);
});
