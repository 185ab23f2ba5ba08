import fc from "fast-check";
import { expect, test } from "vitest";
import { block, code, words } from "./markdown.ts";

const hostile = fc.string({
  unit: fc.constantFrom(
    "a",
    "`",
    "``",
    "|",
    "\n",
    "\r",
    "<img>",
    "@team",
    "[x](y)",
    "![",
    "*",
    "\u001b[31m",
    "&",
    "\u202e",
    " ",
    "~~~",
    "#1",
    "://",
  ),
  maxLength: 40,
});

test("what is code is one piece of code, in one cell of a table", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const made = code(text);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape is what must not be left
      expect(made.slice(1, -1)).not.toMatch(/[`|\n\r\u001b\u202e]/);
      expect([made[0], made.at(-1), made.length > 2]).toEqual(["`", "`", true]);
    }),
  );
  expect(code("x".repeat(1000))).toHaveLength(203);
});

test("words are no markup, link nowhere and mention nobody", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const made = words(text);
      // Only numbered characters begin with an ampersand, and nothing else of Markdown's signs is left.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape is what must not be left
      expect(made.replaceAll(/&#\d+;/g, "")).not.toMatch(/[\\`*_{}[\]()#+!|<>~$&:\n\u001b]|@(?!\u200b)/);
    }),
  );
});

test("no line of a block ends it", () => {
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 8 }), (lines) => {
      const made = block(lines).split("\n");
      const [first = ""] = made;
      const fence = first.replace(/text$/, "");
      expect(made.at(-1)).toBe(fence);
      expect(made.slice(1, -1).some((line) => line.includes(fence))).toBe(false);
    }),
  );
});
