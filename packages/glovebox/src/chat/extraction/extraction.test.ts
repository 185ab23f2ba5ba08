import fc from "fast-check";
import { expect, test } from "vitest";
import { type CodeBlock, extractCode } from "../index.ts";

async function blocksOf(text: string, options = {}): Promise<readonly CodeBlock[]> {
  const { blocks } = await extractCode(text, options);
  for (const { start, end, form } of blocks) expect(text.slice(start, end), form).not.toBe("");
  return blocks;
}

const FENCED = [
  ["a plain fence", "```python\nprint(1)\n```", "```python\nprint(1)\n```", "print(1)"],
  ["tildes", "~~~py\nprint(1)\n~~~", "~~~py\nprint(1)\n~~~", "print(1)"],
  [
    "a long fence around a short one",
    "`````python\nx = '''\n```\n'''\n`````",
    "`````python\nx = '''\n```\n'''\n`````",
    "x = '''\n```\n'''",
  ],
  [
    "in a list",
    "1. do\n\n   ```python\n   if x:\n       y()\n   ```\n",
    "```python\n   if x:\n       y()\n   ```",
    "if x:\n    y()",
  ],
  ["in a quote", "> a\n>\n> ```sh\n> ls\n> pwd\n> ```\n", "```sh\n> ls\n> pwd\n> ```", "ls\npwd"],
  ["indented fence", "a\n\n  ```js\n  f();\n    g();\n  ```\n", "```js\n  f();\n    g();\n  ```", "f();\n  g();"],
  ["Windows line ends", "a\r\n\r\n```js\r\nf();\r\ng();\r\n```\r\nb", "```js\r\nf();\r\ng();\r\n```", "f();\ng();"],
  ["after a byte order mark and an emoji", "\ufeff😀\n\n```js\nf();\n```", "```js\nf();\n```", "f();"],
  [
    "with words after the tag",
    '```python title="x.py"\nprint(1)\n```',
    '```python title="x.py"\nprint(1)\n```',
    "print(1)",
  ],
  ["unclosed", "a\n```python\nprint(1)\n", "```python\nprint(1)\n", "print(1)"],
] as const;

test.each(FENCED)("%s: the code, and offsets of the whole block", async (_name, text, whole, code) => {
  const [block, ...others] = await blocksOf(text);
  expect(others).toEqual([]);
  expect(text.slice(block?.start, block?.end).trimEnd()).toBe(whole.trimEnd());
  expect(block?.code).toBe(code);
});

test("an indented block is one, and no block is taken twice", async () => {
  const text = "Let me run this:\n\n    print(1)\n    print(2)\n\n````md\n```py\nprint(3)\n```\n````\n";
  expect((await blocksOf(text)).map(({ form, language, code }) => [form, language, code])).toEqual([
    ["indented", "python", "print(1)\nprint(2)"],
    ["fenced", null, "```py\nprint(3)\n```"],
  ]);
});

test.each([
  ["python", "python"],
  ["Py3", "python"],
  ["{.python .x}", "python"],
  ["{python}", "python"],
  ["python:src/a.py", "python"],
  ["js", "javascript"],
  ["mts", "typescript"],
  ["zsh", "bash"],
  ["rust,ignore", "rust"],
  ["json", null],
  ["diff", null],
  ["go", null],
])("the tag %s means %s", async (tag, language) => {
  expect((await blocksOf(`\`\`\`${tag}\nx\n\`\`\``))[0]?.language).toBe(language);
});

test("of a console's transcript only the commands are code", async () => {
  const text =
    "```console\n$ cd /tmp && ls\na.txt\n$ echo one \\\n> two\none two\n$ cat <<EOF\n> hi\n> EOF\nhi\nme@box:~$ pwd\n/tmp\n```";
  const [block] = await blocksOf(text);
  expect(block).toMatchObject({ language: "bash", code: "cd /tmp && ls\necho one \\\ntwo\ncat <<EOF\nhi\nEOF\npwd" });
  expect(block?.reasons.map(({ code }) => code)).toContain("transcriptOutput");
});

test("of Python's transcript only what was typed", async () => {
  const [block] = await blocksOf("```pycon\n>>> for x in range(2):\n...     print(x)\n...\n0\n1\n```");
  expect(block).toMatchObject({ language: "python", code: "for x in range(2):\n    print(x)\n" });
});

test("code that lies about its language is found out, and is less sure", async () => {
  const bash = "#!/bin/bash\nset -e\nfor f in *.txt; do\n  echo $f\ndone";
  const [lying] = await blocksOf(`Let me run this:\n\`\`\`python\n${bash}\n\`\`\``);
  const [honest] = await blocksOf(`Let me run this:\n\`\`\`bash\n${bash}\n\`\`\``);
  expect(lying).toMatchObject({ language: "python", detectedLanguage: "bash" });
  expect(lying?.reasons.map(({ code }) => code)).toContain("mismatch");
  expect(lying?.confidence).toBeLessThan(0.5);
  expect(honest?.confidence).toBeGreaterThan(0.8);
});

test("inline code counts only when it stands alone and is asked for", async () => {
  expect(await blocksOf("Please run `ls -la /tmp`.")).toMatchObject([
    { form: "inline", language: "bash", code: "ls -la /tmp" },
  ]);
  expect(await blocksOf("`ls -la /tmp` shows the files.")).toEqual([]);
  expect(await blocksOf("Run `git add .` and `git commit`.")).toEqual([]);
  expect(await blocksOf("Please run `tests`.")).toEqual([]);
});

test("words around a block, of the user and of the text, decide", async () => {
  const code = "```python\nprint(1)\n```";
  const of = async (text: string, options = {}) => (await extractCode(text, options)).intent;
  expect(await of(`Let me run this:\n\n${code}`)).toMatchObject({
    suggestedAction: "execute",
    keywords: ["let me run"],
  });
  expect(await of(`Do not run this:\n\n${code}`)).toMatchObject({ suggestedAction: "show" });
  expect((await of(code, { request: "just write it, don't run it" })).suggestedAction).toBe("show");
  expect((await of(code, { from: "user" })).confidence).toBeLessThan((await of(code)).confidence);
  expect(await of("2 + 2 is 4.")).toEqual({ confidence: 0, keywords: [], suggestedAction: "show" });
});

test("the thresholds decide what is suggested", async () => {
  const text = "```python\nprint(1)\n```";
  const action = async (options: object) => (await extractCode(text, options)).intent.suggestedAction;
  expect(await action({ executeThreshold: 0.5 })).toBe("execute");
  expect(await action({ executeThreshold: 1, askThreshold: 0.1 })).toBe("ask");
  expect(await action({ executeThreshold: 1, askThreshold: 1 })).toBe("show");
  await expect(action({ executeThreshold: 0.2, askThreshold: 0.5 })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await expect(action({ treshold: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("100,000 fences: 500 blocks are told, and how many were left out", async () => {
  const { blocks, leftOut } = await extractCode("```\nls\n```\n".repeat(50_000));
  expect([blocks.length, leftOut]).toEqual([500, 49_500]);
});

test("what is too long is refused before it is read", async () => {
  await expect(extractCode("a".repeat(10_000_000))).rejects.toMatchObject({
    code: "payload_too_large",
    details: { most: 1_000_000 },
  });
});

test("an aborted call is cancelled", async () => {
  await expect(extractCode("a", {}, AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  const controller = new AbortController();
  const reading = extractCode("> - a\n".repeat(160_000), {}, controller.signal);
  setImmediate(() => controller.abort());
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
});

const HOSTILE = {
  "one line": "a ".repeat(400_000),
  "quotes in quotes": ">".repeat(800_000),
  "lists in lists": "- ".repeat(400_000),
  "deep indentation": Array.from({ length: 1200 }, (_, at) => `${" ".repeat(at)}- a`).join("\n"),
  "quotes of any depth": Array.from({ length: 1200 }, (_, at) => `${">".repeat(at)} a`).join("\n"),
  backticks: Array.from({ length: 1200 }, (_, at) => "`".repeat(at + 1)).join(" "),
  "short spans": "`a \n\n".repeat(60_000),
  brackets: "[".repeat(500_000),
  NULs: "\0".repeat(500_000),
  "lone surrogates": "\ud800\n".repeat(100_000),
  unclosed: `\`\`\`python\n${"x = 1\n".repeat(60_000)}`,
  "one huge block": `\`\`\`python\n${"(".repeat(400_000)}\n\`\`\``,
  blanks: `\`\`\`bash\n# a${"\n".repeat(200_000)}# b\n\`\`\``,
};

test.each(Object.entries(HOSTILE))("hostile text gets a bounded answer: %s", async (_name, text) => {
  const { blocks, intent } = await extractCode(text);
  expect(blocks.length).toBeLessThanOrEqual(500);
  expect(intent.suggestedAction).not.toBe("execute");
});

test("any text gets blocks in order that do not overlap, with confidences from 0 to 1", async () => {
  const pieces = [
    "```",
    "~~~",
    "`",
    "````python",
    "\n",
    "\r\n",
    "    ",
    "> ",
    "- ",
    "1. ",
    "print(1)",
    "run",
    "don't run",
    "$ ls",
    ">>> x",
    "<think>",
    "</think>",
    "\0",
    "\ud800",
    "😀",
    "\t",
    "#",
    "diff",
    "é",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 80 }), async (parts) => {
      const text = parts.join("");
      let end = 0;
      for (const block of (await extractCode(text)).blocks) {
        expect(block.start).toBeGreaterThanOrEqual(end);
        expect(block.end).toBeGreaterThan(block.start);
        end = block.end;
        expect(block.confidence).toBeGreaterThanOrEqual(0);
        expect(block.confidence).toBeLessThanOrEqual(1);
      }
      expect(end).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 200 },
  );
});
