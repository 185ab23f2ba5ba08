import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEntries, parsePaths } from "./environment-file.ts";
import { launchScript } from "./launch-script.ts";
import { planShell } from "./shell.ts";
import { parseCommand } from "./workflow-command.ts";

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
describe("a workflow command", () => {
  it.each([
    ["::debug::Set the Octocat variable", { name: "debug", properties: {}, data: "Set the Octocat variable" }],
    [
      "::notice file=app.js,line=1,col=5,endColumn=7::Missing semicolon",
      {
        name: "notice",
        properties: { file: "app.js", line: "1", col: "5", endColumn: "7" },
        data: "Missing semicolon",
      },
    ],
    ["  ::warning title=a%3Ab%2Cc%25::x%0Ay%25", { name: "warning", properties: { title: "a:b,c%" }, data: "x\ny%" }],
    ["before ##[error file=a;line=2]it%3B%5D", { name: "error", properties: { file: "a", line: "2" }, data: "it;]" }],
    ["::add-mask::a::b", { name: "add-mask", properties: {}, data: "a::b" }],
  ])("reads %s", (line, command) => expect(parseCommand(line)).toEqual(command));

  it.each(["plain", "::", ":: ::", "a ::error::b", "::error", "##[error"])("takes %s for none", (line) =>
    expect(parseCommand(line)).toBeUndefined(),
  );
});

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files
describe("a file for the environment or for outputs", () => {
  it("has lines and blocks of lines", () => {
    const text = "A=1\n\nB=x=y<<z\nJSON<<EOF\n{\n  A=2\n}\nEOF\nEMPTY=\nNONE<<-\n-\nA=3\n";
    expect(Object.fromEntries(parseEntries(text))).toEqual({
      A: "3",
      B: "x=y<<z",
      JSON: "{\n  A=2\n}",
      EMPTY: "",
      NONE: "",
    });
  });

  it.each([
    ["no separator", "just text", "Invalid format 'just text'"],
    ["no name", "=1", "Name must not be empty"],
    ["no delimiter", "A<<", "delimiter must not be empty"],
    ["no end", "A<<EOF\n1", "Matching delimiter not found 'EOF'"],
  ])("is refused with %s", (_what, text, message) => expect(() => parseEntries(text)).toThrow(message));

  it("gives back every value that was written with a delimiter that is not in it", () => {
    const value = fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\0\r]/g, ""));
    fc.assert(
      fc.property(value, (text) => {
        fc.pre(!text.split("\n").includes("END"));
        expect(parseEntries(`N<<END\n${text}\nEND\n`).get("N")).toBe(text);
      }),
    );
  });

  it("has paths, a line each", () => expect(parsePaths("/a\n\n/b c\r\n")).toEqual(["/a", "/b c"]));
});

// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
describe("a shell", () => {
  it.each([
    [undefined, ["bash", "sh"], "-e {0}"],
    ["bash", ["bash"], "--noprofile --norc -e -o pipefail {0}"],
    ["sh", ["sh"], "-e {0}"],
    ["python", ["python", "python3"], "{0}"],
    ["perl -w '{0}' \"a b\"", ["perl"], "-w {0} a b"],
  ])("%s", (shell, programs, args) => {
    const plan = planShell(shell, "true");
    expect([plan.programs, plan.args.join(" ")]).toEqual([programs, args]);
  });

  it.each(["fish", "cmd", "powershell", "constructor"])("%s is none", (shell) =>
    expect(() => planShell(shell, "")).toThrow(/shell/i),
  );

  it("starts nothing with a variable that would be an option of another program", () => {
    const plan = { folder: "/f", files: {}, programs: ["sh"], args: [], cwd: "/", paths: [] };
    for (const name of ["-S", "", "A=B", "A\0"]) {
      expect(() => launchScript({ ...plan, env: { [name]: "x" } })).toThrow("cannot be set");
    }
  });
});
