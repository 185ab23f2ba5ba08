import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyHunks } from "../workbench/apply-hunks.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { parseDiff } from "../workbench/parse-diff.ts";
import { editedDiff } from "./edited-diff.ts";

const before = "one\ntwo\nthree\nfour\n";
const given = makeDiff([{ path: "a.txt", before, after: "one\nTWO\nthree\nfour\n" }]);

/** What a diff makes of a text. */
function applied(text: string, diff: string): string | undefined {
  const [patch] = parseDiff(diff);
  return applyHunks(text, patch?.hunks ?? []);
}

describe("a diff that a person has changed", () => {
  it("is the same when nothing was changed", () => {
    expect(editedDiff(given, given.text)).toBe(given);
  });

  it("applies although its lines are not counted any more", () => {
    const edited = editedDiff(given, given.text.replace("+TWO\n", "+TWO\n+TWO AND A HALF\n"));
    expect(applied(before, edited.text)).toBe("one\nTWO\nTWO AND A HALF\nthree\nfour\n");
  });

  it("is refused when it is none", () => {
    expect(() => editedDiff(given, "@@ what @@\n+x\n--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n")).toThrow();
  });

  it("makes of a text what the diff made of it", () => {
    const line = fc.constantFrom("a\n", "b\n", "c\n", "\n", "- x\n", "+ y\n");
    const text = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom("", "end"))
      .map(([lines, end]) => lines.join("") + end);
    fc.assert(
      fc.property(text, text, (from, to) => {
        fc.pre(from !== to && from !== "" && to !== "");
        const diff = makeDiff([{ path: "a.txt", before: from, after: to }]);
        const edited = editedDiff(diff, `A word before it.\n${diff.text}`);
        expect(applied(from, edited.text)).toBe(to);
      }),
      { numRuns: 300 },
    );
  });
});
