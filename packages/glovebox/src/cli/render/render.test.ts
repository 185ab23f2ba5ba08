import { expect, test } from "vitest";
import { coloursFor } from "./colours.ts";
import { printable, printableLine } from "./printable.ts";
import { progressText, shareText } from "./progress.ts";
import { agoText, bytesText, durationText } from "./units.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [1_048_576, "1.0 MiB"],
  [150 * 1_048_576, "150 MiB"],
  [5 * 2 ** 40, "5.0 TiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0.4, "0 ms"],
  [999, "999 ms"],
  [1500, "1.5 s"],
  [59_999, "1 min 0 s"],
  [185_000, "3 min 5 s"],
  [7_440_000, "2 h 4 min"],
  [266_400_000, "3 d 2 h"],
])("%d milliseconds are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("times are told by how long ago they were", () => {
  const now = Date.parse("2026-01-01T00:01:00Z");
  expect(agoText(undefined, now)).toBe("");
  expect(agoText("2026-01-01T00:01:00.500Z", now)).toBe("just now");
  expect(agoText("2026-01-01T00:00:30.000Z", now)).toBe("30 s ago");
  expect(agoText("2025-12-31T21:58:00.000Z", now)).toBe("2 h ago");
});

test("what a terminal would obey is shown instead", () => {
  expect(printable("a\x1b[2Jb\r\x07\u202e\x9b\tc\nd")).toBe("a\\u001b[2Jb\\u000d\\u0007\\u202e\\u009b\tc\nd");
  expect(printableLine("a\nb\tc")).toBe("a⏎b c");
  expect(printableLine("x".repeat(300), 10)).toBe(`${"x".repeat(9)}…`);
});

test("progress shows its part, rate and time left where the total is known", () => {
  expect(progressText(1_048_576, 4_194_304, 1000)).toMatch(
    /^\[█{6} {18}\] 25% {2}1\.0 MiB of 4\.0 MiB {2}1\.0 MiB\/s {2}3\.0 s left$/,
  );
  expect(progressText(2048, undefined, 500)).toBe("2.0 KiB  4.0 KiB/s");
  expect(progressText(0, 10, 0)).toContain("0%");
  expect(shareText(0.5, "packing", 20_000)).toBe(`[${"█".repeat(12)}${" ".repeat(12)}] 50%  packing  20.0 s`);
});

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: false }, {}, false],
  [{ isTTY: true }, { NO_COLOR: "1" }, false],
  [{ isTTY: true }, { NO_COLOR: "" }, true],
  [{ isTTY: true }, { TERM: "dumb" }, false],
  [{}, { FORCE_COLOR: "1" }, true],
  [{}, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
])("colours on %j with %j: %s", (stream, env, enabled) => {
  expect(coloursFor(stream, env).red("x") !== "x").toBe(enabled);
});
