import { GloveboxError as SdkError } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { ERROR_CODES, GloveboxError } from "../core/index.ts";
import { failureOf, failureText, UsageError } from "./failure.ts";
import { coloursFor } from "./render/colours.ts";

test.each([
  ["not_found", 3],
  ["unauthenticated", 4],
  ["permission_denied", 4],
  ["policy_denied", 4],
  ["unavailable", 5],
  ["isolation_unavailable", 5],
  ["invalid_argument", 2],
  ["session_busy", 1],
  ["internal", 1],
  ["cancelled", 130],
] as const)("%s ends a command with %i, whoever says it", (code, exitCode) => {
  expect(failureOf(new GloveboxError(code, "x")).exitCode).toBe(exitCode);
  expect(failureOf(new SdkError(code, "x", { status: 400 })).exitCode).toBe(exitCode);
});

test("every code ends a command with something else than success", () => {
  for (const code of ERROR_CODES) expect(failureOf(new GloveboxError(code, "x")).exitCode).toBeGreaterThan(0);
});

test("errors of the system are understood, and unknown ones are failures", () => {
  expect(failureOf(Object.assign(new Error("x"), { code: "ENOENT" }))).toMatchObject({
    code: "not_found",
    exitCode: 3,
  });
  expect(failureOf(Object.assign(new Error("x"), { code: "EACCES" }))).toMatchObject({ exitCode: 4 });
  expect(failureOf(Object.assign(new Error("x"), { code: "__proto__" }))).toMatchObject({
    code: "internal",
    exitCode: 1,
  });
  expect(failureOf("text")).toMatchObject({ code: "internal", message: "text" });
});

test("hints come from the error, or from what its code usually means", () => {
  expect(failureOf(new UsageError("x", "do y"))).toMatchObject({ code: "usage", exitCode: 2, hint: "do y" });
  expect(failureOf(new SdkError("unavailable", "cannot reach http://h")).hint).toContain("glovebox up");
  expect(failureOf(new GloveboxError("conflict", "x", { details: { hint: "z" } })).hint).toBe("z");
  expect(failureOf(new GloveboxError("unauthenticated", "x")).hint).toContain("--token");
});

test("the text names the code, the request and the hint", () => {
  const failure = failureOf(new SdkError("unauthenticated", "who?", { requestId: "r-1" }));
  const text = failureText(failure, coloursFor({ isTTY: false }, {}));
  expect(text.split("\n").slice(0, 2)).toEqual(["glovebox: who? (unauthenticated)", "  request r-1"]);
  expect(text).toContain("  hint: ");
});
