import { expect, test } from "vitest";
import { apiError } from "./api-error.ts";

const NOW_MS = 1_000_000_000;
const failure = (status: number, headers: Record<string, string> = {}, message = "no") =>
  Object.assign(new Error(message), { status, response: { headers } });

test.each([
  ["retry-after in seconds", failure(403, { "retry-after": "30" }), 30_000],
  ["a spent limit", failure(429, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000090" }), 90_000],
  ["a limit that is over already", failure(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "5" }), 1000],
  ["a wait beyond all reason", failure(429, { "retry-after": "999999999" }), 3_600_000],
  ["a secondary limit without a number", failure(403, {}, "You have exceeded a secondary rate limit"), 60_000],
  ["429 alone", failure(429), 60_000],
])("%s is when to come again", (_name, error, retryAfterMs) => {
  expect(apiError("GET /x", error, NOW_MS)).toMatchObject({ code: "rate_limited", details: { retryAfterMs } });
});

test.each([
  [failure(401), "permission_denied"],
  [failure(403), "permission_denied"],
  [failure(403, { "x-ratelimit-remaining": "4999", "x-ratelimit-reset": "9" }), "permission_denied"],
  [failure(404), "not_found"],
  [failure(422), "invalid_argument"],
  [failure(500), "forge_unavailable"],
  [failure(502), "forge_unavailable"],
  // Without an answer the library calls it 500.
  [Object.assign(new Error("fetch failed"), { status: 500 }), "forge_unavailable"],
  [new DOMException("late", "TimeoutError"), "forge_unavailable"],
  ["text", "forge_unavailable"],
])("%s is %s", (error, code) => {
  expect(apiError("GET /x", error, NOW_MS).code).toBe(code);
});
