import fc from "fast-check";
import { expect, test } from "vitest";
import type { Language } from "../../core/index.ts";
import { isIncomplete } from "./incomplete.ts";

const LANGUAGES: readonly Language[] = ["python", "javascript", "typescript", "bash", "rust"];

test.each<[Language, string, boolean]>([
  ["python", "x = 1", false],
  ["python", "f(1,", true],
  ["python", "f(1,\n2)", false],
  ["python", "if x:", true],
  ["python", "if x:\n    y", true],
  ["python", "if x:\n    y\n", false],
  ["python", "def f():\n    return {\n", true],
  ["python", "@decorated", true],
  ["python", "'''doc", true],
  ["python", "'''doc\n'''", false],
  ["python", "'not closed", false],
  ["python", "# a comment (", false],
  ["python", "print('(')", false],
  ["python", "x = 1 + \\", true],
  ["python", "d = {1: 2}", false],
  ["python", "for i in x: print(i)", false],
  ["javascript", "const f = () => {", true],
  ["javascript", "const f = () => {\n}", false],
  ["javascript", "`text", true],
  ["javascript", "`text ${1}`", false],
  ["javascript", "/* open", true],
  ["javascript", "// open {", false],
  ["javascript", "'it is \\' {'", false],
  ["javascript", "1)", false],
  ["typescript", "interface A {", true],
  ["rust", "fn main() {", true],
  ["rust", 'println!("{");', false],
  ["bash", "echo hi", false],
  ["bash", "if true; then", true],
  ["bash", "if true; then echo a; fi", false],
  ["bash", "for i in 1 2; do\necho $i", true],
  ["bash", "for i in 1 2; do\necho $i\ndone", false],
  ["bash", "while read x; do if a; then b; fi", true],
  ["bash", "case $x in a) echo 1;; esac", false],
  ["bash", "echo if", false],
  ["bash", "f() {", true],
  ["bash", "f() {\necho; }", false],
  ["bash", "echo 'open", true],
  ["bash", 'echo "a\\"b"', false],
  ["bash", "cat <<EOF\nx", true],
  ["bash", "cat <<EOF\nx\nEOF", false],
  ["bash", "cat <<-'E'\n\tx\n\tE", false],
  ["bash", "ls |", true],
  ["bash", "true &&", true],
  ["bash", "echo a \\", true],
  ["bash", "echo $# # it's", false],
])("%s: %j goes on: %s", (language, code, expected) => {
  expect(isIncomplete(language, code)).toBe(expected);
});

test("any text is judged, quickly and without failing", () => {
  const pieces = fc.array(
    fc.constantFrom("(", ")", "'", '"', "`", "\\", "#", "/*", "*/", "//", "if ", ":", "\n", "<<A", "do", " x"),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(pieces, fc.constantFrom(...LANGUAGES), (parts, language) => {
      expect(typeof isIncomplete(language, parts.join(""))).toBe("boolean");
    }),
    { numRuns: 1000 },
  );
  for (const language of LANGUAGES) isIncomplete(language, "if (\\'\"`#<<A\n".repeat(20_000));
});
