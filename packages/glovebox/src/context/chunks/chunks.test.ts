import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_CHUNK_CHARS, MAX_CHUNK_LINES } from "./chunk.ts";
import { chunkDocument } from "./chunk-document.ts";

test("functions and classes are pieces of their own, with the comments above them", async () => {
  const code = [
    "import os",
    "",
    "LIMIT = 3",
    "",
    "# Says hello.",
    "@cached",
    "def hello(name):",
    '    return f"hello {name}"',
    "",
    "class Box:",
    "    def open(self):",
    "        pass",
    "",
  ].join("\n");
  const chunks = await chunkDocument("code", "a.py", code);
  expect(chunks.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
    [1, 4],
    [5, 8],
    [10, 12],
  ]);
  expect(chunks[1]?.text).toContain("def hello");
});

test("a class that is too long is cut by its methods", async () => {
  const method = (name: string) => [
    `  ${name}() {`,
    ...Array.from({ length: 50 }, (_, n) => `    this.x += ${n};`),
    "  }",
  ];
  const code = ["export class Long {", ...method("first"), ...method("second"), "}"].join("\n");
  const chunks = await chunkDocument("code", "long.ts", code);
  expect(chunks.map(({ text }) => text.trim().split("\n")[0])).toEqual([
    "export class Long {",
    "first() {",
    "second() {",
    "}",
  ]);
});

test("prose is cut at its headings, but not in fences, and a short section goes with the next", async () => {
  const words = "word ".repeat(60);
  const text = `# One\n${words}\n\`\`\`\n# no heading\n\`\`\`\n# Two\n${words}\n# Three\nshort\n# Four\n${words}`;
  const chunks = await chunkDocument("text", "a.md", text);
  expect(chunks.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
    [1, 5],
    [6, 7],
    [8, 11],
  ]);
});

const line = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom("", "# Heading", "def f():", "class A {", "}", "```", "    x = 1", "function f() {", "// note"),
  fc.integer({ min: 3_900, max: 9_000 }).map((length) => "x".repeat(length)),
);

test.each(["a.py", "a.ts", "a.rs", "a.sh", "a.txt", undefined])(
  "every line of %s is in a piece, once and in order, and no piece is too large",
  async (path) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 120 }),
        fc.constantFrom("code" as const, "text" as const),
        async (lines, kind) => {
          const text = lines.join("\n").replaceAll("\r\n", "\n");
          const chunks = await chunkDocument(kind, path, text);
          const all = text
            .split("\n")
            .filter((one) => one.trim() !== "")
            .join("");
          expect(
            chunks
              .map((chunk) =>
                chunk.text
                  .split("\n")
                  .filter((one) => one.trim() !== "")
                  .join(""),
              )
              .join(""),
          ).toBe(all);
          for (const chunk of chunks) {
            expect(chunk.text.split("\n").length).toBeLessThanOrEqual(MAX_CHUNK_LINES);
            expect(chunk.text.length).toBeLessThanOrEqual(MAX_CHUNK_CHARS + MAX_CHUNK_LINES);
            expect(chunk.endLine).toBeGreaterThanOrEqual(chunk.startLine);
          }
        },
      ),
      { numRuns: 40 },
    );
  },
);
