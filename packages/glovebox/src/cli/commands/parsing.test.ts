import fc from "fast-check";
import { expect, test } from "vitest";
import { buildProgram } from "../program.ts";
import { completions } from "./completion.ts";
import { entryParts, parseSide } from "./copy.ts";
import { integer, list, octal, pairs, positive, secondsAsMs } from "./options.ts";
import { expiry } from "./token.ts";

test.each([
  ["abc:file", { session: "abc", path: "file" }],
  ["abc:", { session: "abc", path: "." }],
  ["abc:/a:b", { session: "abc", path: "/a:b" }],
  ["./a:b", { path: "./a:b" }],
  ["/x:y", { path: "/x:y" }],
  ["plain", { path: "plain" }],
  [":x", { path: ":x" }],
])("the side %s of a copy", (text, side) => {
  expect(parseSide(text)).toEqual(side);
});

test.each([
  ["a/b", "file", ["a", "b"]],
  ["./a//b/", "directory", ["a", "b"]],
  ["./", "directory", []],
  ["../a", "file", undefined],
  ["a/../../b", "file", undefined],
  ["/etc/passwd", "file", undefined],
  ["a\0b", "file", undefined],
  ["link", "symlink", undefined],
  ["hard", "link", undefined],
  ["dev", "character-device", undefined],
  [".", "file", undefined],
] as const)("the entry %j (%s) of a hostile tar becomes %j", (name, type, parts) => {
  expect(entryParts({ name, type })).toEqual(parts);
});

test("no entry of a tar leads out of the target", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("..", ".", "", "a", "..a", "\0", "b c")), (segments) => {
      const parts = entryParts({ name: segments.join("/"), type: "file" });
      if (parts !== undefined)
        expect(parts.every((part) => part !== ".." && part !== "" && !part.includes("/"))).toBe(true);
    }),
  );
});

test("numbers are read strictly", () => {
  expect(integer(1, 10)("7")).toBe(7);
  for (const text of ["0", "11", "1.5", "1e1", " 1", "", "-1", "0x1", "9".repeat(30)]) {
    expect(() => integer(1, 10)(text), text).toThrow();
  }
  expect(positive("0.5")).toBe(0.5);
  expect(secondsAsMs("1.5")).toBe(1500);
  for (const text of ["0", "-1", "NaN", "Infinity", "1e3", ""]) expect(() => positive(text), text).toThrow();
  expect(octal("755")).toBe(0o755);
  for (const text of ["8", "rw", "77777", ""]) expect(() => octal(text), text).toThrow();
});

test("lists and pairs grow with each mention", () => {
  expect(list("a,b", ["c"])).toEqual(["c", "a", "b"]);
  expect(pairs("A=1=2", { B: "3" })).toEqual({ B: "3", A: "1=2" });
  expect(() => pairs("=x")).toThrow();
  expect(() => pairs("x")).toThrow();
});

test("an expiry is a time or a span from now", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(expiry("2d", now)).toBe("2026-01-03T00:00:00.000Z");
  expect(expiry("90m", now)).toBe("2026-01-01T01:30:00.000Z");
  expect(expiry("2027-05-01T12:00:00+02:00", now)).toBe("2027-05-01T10:00:00.000Z");
  for (const text of ["soon", "5", "-1d", "2027-99-99"]) expect(() => expiry(text, now), text).toThrow();
});

test.each([
  [["se"], ["secret", "session"]],
  [["session", "cl"], ["close"]],
  [["session", "create", "--iso"], ["--isolation"]],
  [["session", "create", "--isolation", "b"], ["bubblewrap"]],
  [["repl", "py"], ["python"]],
  [
    ["completion", ""],
    ["bash", "fish", "zsh"],
  ],
  [["token", "create", "x", "--role", "dev"], ["developer"]],
  [
    ["audit", "list", "--decision", ""],
    ["allow", "deny"],
  ],
  [["--js"], ["--json"]],
])("%j is completed to %j", (words, expected) => {
  expect(completions(buildProgram(), words)).toEqual(expected);
});

test("any words can be completed without failing", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 5 }), (words) => {
      expect(Array.isArray(completions(buildProgram(), words))).toBe(true);
    }),
    { numRuns: 100 },
  );
});
