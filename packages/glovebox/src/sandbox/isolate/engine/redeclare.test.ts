import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowRedeclaration } from "./redeclare.ts";

describe("top-level let and const", () => {
  test.each([
    ["let a = 1", "var a = 1"],
    ["const b = 2; let { c } = b", "var   b = 2; var { c } = b"],
    ["x()\nconst [d] = y", "x()\nvar   [d] = y"],
    ["{ let a = 1 } let b = 2", "{ let a = 1 } var b = 2"],
    ["for (let i = 0;;) { const x = i }", "for (let i = 0;;) { const x = i }"],
    ["function f() { let a } ; let b", "function f() { let a } ; var b"],
    ["'let a'; `const ${`let ${1}`} let`; let c", "'let a'; `const ${`let ${1}`} let`; var c"],
    ["/let a/.test(s); const d = 1 / 2 / 3", "/let a/.test(s); var   d = 1 / 2 / 3"],
    ["// let a\n/* const b */ let c", "// let a\n/* const b */ var c"],
    ["a.let; let = 5; x = /[/'\"]/; let y", "a.let; let = 5; x = /[/'\"]/; var y"],
    ["return1 = a / b; let q = 'it\\'s'", "return1 = a / b; var q = 'it\\'s'"],
  ])("%s", (source, expected) => {
    expect(allowRedeclaration(source)).toBe(expected);
    expect(expected).toHaveLength(source.length);
  });

  test.each([
    "let a = (1",
    "let a = 'open",
    "let a = `open",
    "let a = `${1",
    "let a ]",
    "let b = /* open",
    "let r = x = /open",
  ])("what is not closed is left alone: %s", (source) => expect(allowRedeclaration(source)).toBe(source));

  test("any text keeps its length, and nothing but declarations changes", () => {
    const word = fc.constantFrom(
      "let ",
      "const ",
      "a",
      "{",
      "}",
      "`",
      "${",
      "'",
      '"',
      "/",
      "\n",
      ";",
      "(",
      ")",
      "\\",
      "1",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const source = words.join("");
        const result = allowRedeclaration(source);
        expect(result).toHaveLength(source.length);
        expect(result.replaceAll("var  ", "const").replaceAll("var", "let")).toBe(source);
      }),
      { numRuns: 300 },
    );
  });

  test("takes time linear in the text", () => {
    const source = `let a = [${"'x', `y${1}`, /z/, ".repeat(50_000)}]`;
    expect(allowRedeclaration(source).startsWith("var a")).toBe(true);
  });
});
