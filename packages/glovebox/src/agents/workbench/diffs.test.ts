import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import { applyHunks } from "./apply-hunks.ts";
import { makeDiff } from "./make-diff.ts";
import { parseDiff } from "./parse-diff.ts";
import { isRepositoryPath } from "./repository-tree.ts";

/** Few different lines, so that they repeat; some with what diffs themselves are made of. */
const line = fc.constantFrom(
  "a",
  "b",
  "",
  " ",
  "--- x",
  "+++ y",
  "-- -",
  "@@ -1,1 +1,1 @@",
  "diff --git a/x b/x",
  "\\ No",
  "c\r",
  "ä",
  "\t",
);
const text = fc
  .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
  .map(([lines, isEnded]) => `${lines.join("\n")}${isEnded && lines.length > 0 ? "\n" : ""}`);
const name = fc.constantFrom("a.txt", "deep/b c.py", 'quote".txt', "ä/ö.ts", "tab\there", "back\\slash", "-dash", "@@");

describe("diffs", () => {
  it("give back what they were made from, whatever the texts hold", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, text, text), { selector: ([path]) => path, maxLength: 4 }), (files) => {
        const changes = files.map(([path, before, after]) => ({ path, before, after }));
        const diff = makeDiff(changes);
        const patches = parseDiff(diff.text);
        const changed = changes
          .filter(({ before, after }) => before !== after)
          .toSorted((a, b) => (a.path < b.path ? -1 : 1));
        expect(patches.map(({ path, kind }) => [path, kind])).toEqual(changed.map(({ path }) => [path, "modify"]));
        for (const [index, { before, after }] of changed.entries()) {
          expect(applyHunks(before, patches[index]?.hunks ?? [])).toBe(after);
        }
        expect(makeDiff(changes.toReversed())).toEqual(diff);
      }),
      { numRuns: 300 },
    );
  });

  it("are ones that git applies, also for files that come, go, and change their mode", () => {
    const folder = mkdtempSync(join(tmpdir(), "glovebox-diff-"));
    try {
      const big = Array.from({ length: 12_000 }, (_, index) => `line ${index}\n`);
      const changes = [
        { path: "new ä.txt", before: null, after: "a\nb" },
        { path: "empty", before: null, after: "" },
        { path: "gone", before: "x\n", after: null },
        { path: "mode", before: "#!\n", after: "#!\n", mode: { after: "100755" as const } },
        { path: "large", before: big.join(""), after: big.map((one) => `other ${one}`).join("") },
      ];
      for (const { path, before } of changes) if (before !== null) writeFileSync(join(folder, path), before);
      const { text: diff, files } = makeDiff(changes);
      writeFileSync(join(folder, "the.diff"), diff);
      execFileSync("git", ["apply", "the.diff"], { cwd: folder });
      expect(files.map(({ path }) => path)).toEqual(["empty", "gone", "large", "mode", "new ä.txt"]);
      expect(readFileSync(join(folder, "large"), "utf8")).toBe(changes[4]?.after);
      expect(readFileSync(join(folder, "new ä.txt"), "utf8")).toBe("a\nb");
      expect(readFileSync(join(folder, "empty"), "utf8")).toBe("");
      expect(parseDiff(diff).map(({ path, kind, mode }) => [path, kind, mode])).toEqual([
        ["empty", "create", "100644"],
        ["gone", "delete", undefined],
        ["large", "modify", undefined],
        ["mode", "modify", "100755"],
        ["new ä.txt", "create", "100644"],
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("of others are read, or refused with a reason, and name nothing outside of the repository", () => {
    const piece = fc.oneof(
      line,
      fc.constantFrom(
        "--- a/x",
        "+++ b/x",
        "--- a/../x",
        "+++ b/../x",
        "+++ /dev/null",
        "--- /dev/null",
        "rename from x",
        "new file mode 120000",
      ),
      fc.constantFrom(
        "@@ -1 +1 @@",
        "@@ -0,0 +1,2 @@",
        "@@ -1,9 +1,9 @@",
        '--- "a/\\303\\244"',
        '+++ "b/\\303\\244"',
        "-old",
        "+new",
        " same",
        "GIT binary patch",
      ),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), fc.boolean(), (pieces, recount) => {
        try {
          for (const { path, hunks } of parseDiff(pieces.join("\n"), { recount })) {
            expect(isRepositoryPath(path)).toBe(true);
            expect(hunks.every(({ oldStart }) => oldStart >= 0)).toBe(true);
          }
        } catch (error) {
          expect(isGloveboxError(error)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.for([
    ["../up.txt", "invalid_path"],
    ["/etc/passwd", "invalid_path"],
    [".git/hooks/pre-commit", "invalid_path"],
    ["sub/.GIT/config", "invalid_path"],
    ["a//b", "invalid_path"],
    ["./a", "invalid_path"],
  ])("to %s are refused", ([path, code]) => {
    const diff = `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`;
    expect(() => parseDiff(diff)).toThrow(expect.objectContaining({ code }));
    expect(() => parseDiff(`diff --git a/${path} b/${path}\nnew file mode 100644\n`)).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.for([
    [
      "a link",
      "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n\\ No newline at end of file\n",
    ],
    [
      "a submodule",
      "diff --git a/s b/s\nnew file mode 160000\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+Subproject commit 1\n",
    ],
    ["a rename", "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n"],
    ["a binary file", "diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n"],
    ["too few lines", "--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n-a\n"],
    ["one file twice", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b\n+c\n"],
    ["lines of no file", "@@ -1 +1 @@\n-a\n+b\n"],
  ])("with %s are refused", ([, diff]) => {
    expect(() => parseDiff(diff ?? "")).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("of models are read although their counts are wrong, and found although their lines moved", () => {
    const [patch] = parseDiff("Here it is:\n--- a/x\n+++ b/x\n@@ -1,7 +1,9 @@\n b\n-c\n+d\n\n", { recount: true });
    expect(patch?.hunks).toEqual([{ oldStart: 1, old: ["b\n", "c\n"], fresh: ["b\n", "d\n"] }]);
    expect(applyHunks("a\nb\nc\n", patch?.hunks ?? [])).toBe(undefined);
    expect(applyHunks("a\nb\nc\n", patch?.hunks ?? [], { within: 10 })).toBe("a\nb\nd\n");
    expect(() => parseDiff("x".repeat(2 << 20))).toThrow(expect.objectContaining({ code: "payload_too_large" }));
  });
});
