import fc from "fast-check";
import { expect, it } from "vitest";
import { CommandReader, type CommandReaderOptions } from "./command-reader.ts";
import { ProblemMatchers } from "./problem-matcher.ts";

function reader(options: Partial<CommandReaderOptions> = {}) {
  const masked: string[] = [];
  const matchers = new ProblemMatchers([]);
  const made = new CommandReader({
    matchers,
    mask: (values) => masked.push(...values),
    readFile: async () => Promise.reject(new Error("no files here")),
    onMatchers: () => {},
    ...options,
  });
  return { made, masked, push: (...pieces: string[]) => pieces.map((piece) => made.open("stdout").push(piece)) };
}

it("finds a command however the output is cut, and lets all of the output through", async () => {
  const text = "a\n::group::G\n\u001b[31mred\u001b[0m ::no::command\n::error file=a.c,line=3::b\n##[warning]w\r\nend";
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 20 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      const { made } = reader();
      const stream = made.open("stdout");
      const out = at.slice(1).map((end, index) => stream.push(text.slice(at[index], end)));
      expect(out.join("") + stream.flush()).toBe(text);
      expect((await made.said()).annotations).toEqual([
        { level: "error", message: "b", path: "a.c", line: 3 },
        { level: "warning", message: "w" },
      ]);
    }),
  );
});

it("knows what to mask before the line that says so goes on", () => {
  const { masked, push } = reader();
  expect(push("::add-ma", "sk::Mona The Octocat")).toEqual(["", ""]);
  expect(masked).toEqual([]);
  expect(push("\n")).toEqual(["::add-mask::Mona The Octocat\n"]);
  expect(masked).toContain("Mona The Octocat");
});

it("shows a prompt before its line is over", () => expect(reader().push("Password: ")).toEqual(["Password: "]));

it("obeys nothing between stop-commands and its token", async () => {
  const { made, masked, push } = reader();
  push("::stop-commands::t0k\n::add-mask::not-masked\n::error::no\n::t0k::\n::error::yes\n");
  const said = await made.said();
  expect([said.annotations.map(({ message }) => message), masked]).toEqual([["yes"], []]);
});

it("refuses what was disabled, and takes what is deprecated with a warning", async () => {
  const { made, push } = reader();
  push("::set-env name=A::1\n::add-path::/x\n::set-output name=o::1%0A2\n::save-state name=s::3\n");
  const { errors, outputs, state, annotations } = await made.said();
  expect(errors).toHaveLength(2);
  expect(Object.fromEntries(outputs)).toEqual({ o: "1\n2" });
  expect(Object.fromEntries(state)).toEqual({ s: "3" });
  expect(annotations.map(({ level }) => level)).toEqual(["warning", "warning"]);
});

it("leaves out a command that is too long to be one: nothing of a mask is shown", async () => {
  const { made, push } = reader();
  const out = push(`::add-mask::${"s".repeat(70_000)}`, "s\nnext\n").join("");
  expect(out).toBe("next\n");
  expect((await made.said()).errors).toHaveLength(1);
});

it("reads remarks of tools by matchers, over several lines and without colours", async () => {
  // https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md
  const eslint = {
    owner: "eslint-stylish",
    pattern: [
      { regexp: "^([^\\s].*)$", file: 1 },
      {
        regexp: "^\\s+(\\d+):(\\d+)\\s+(error|warning|info)\\s+(.*)\\s\\s+(.*)$",
        line: 1,
        column: 2,
        severity: 3,
        message: 4,
        code: 5,
        loop: true,
      },
    ],
  };
  const files = async (path: string) => JSON.stringify(path === "m.json" ? { problemMatcher: [eslint] } : {});
  const { made, push } = reader({ readFile: files });
  push("::add-matcher::m.json\n", "test.js\n", '  \u001b[1m1:0\u001b[0m   error  Missing "use strict"  strict\n');
  push("  5:10  warning  Unexpected console  no-console\n", "\n✖ 2 problems\n::add-matcher::other.json\n");
  const { annotations } = await made.said();
  expect(annotations).toHaveLength(3);
  expect(annotations).toEqual(
    expect.arrayContaining([
      { level: "error", message: 'Missing "use strict"', title: "strict", path: "test.js", line: 1 },
      { level: "warning", message: "Unexpected console", title: "no-console", path: "test.js", line: 5, column: 10 },
      { level: "warning", message: expect.stringContaining("other.json") },
    ]),
  );
});

it("drops a matcher that never comes to an end", async () => {
  const matchers = new ProblemMatchers([{ owner: "evil", pattern: [{ regexp: "^(a+)+$", message: 1 }] }]);
  const { made, push } = reader({ matchers });
  push(`${"a".repeat(50)}!\n`);
  expect((await made.said()).annotations).toEqual([{ level: "warning", message: expect.stringContaining("'evil'") }]);
  expect(matchers.isEmpty).toBe(true);
});
