import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRunArguments, type RunArguments } from "./arguments.ts";

const plain: RunArguments = {
  source: { kind: "file", path: "a.py" },
  args: [],
  json: false,
  local: false,
  allowPartial: false,
  env: {},
};

describe("what `run` is asked for", () => {
  test.each<[string, readonly string[], Partial<RunArguments>]>([
    ["a file", ["a.py"], {}],
    ["its arguments, also those that look like ours", ["a.py", "--json", "-e", "-"], { args: ["--json", "-e", "-"] }],
    ["options before it", ["--json", "--lang", "js", "a.py"], { json: true, language: "javascript" }],
    ["values behind =", ["--lang=rust", "--timeout=1.5", "a.py"], { language: "rust", timeoutMs: 1500 }],
    [
      "short options",
      ["-l", "ts", "-i", "isolate", "-t", "node", "a.py"],
      { language: "typescript", isolation: "isolate", template: "node" },
    ],
    ["short options with their value attached", ["-lsh", "a.py"], { language: "bash" }],
    ["code", ["-e", "print(1)", "x"], { source: { kind: "code", code: "print(1)" }, args: ["x"] }],
    ["code that looks like an option", ["-e", "--json"], { source: { kind: "code", code: "--json" } }],
    ["empty code", ["-e", ""], { source: { kind: "code", code: "" } }],
    ["stdin", ["-", "x"], { source: { kind: "stdin" }, args: ["x"] }],
    [
      "a file that looks like an option",
      ["--", "-x.py", "y"],
      { source: { kind: "file", path: "-x.py" }, args: ["y"] },
    ],
    ["variables", ["--env", "A=b=c", "--env", "D=", "a.py"], { env: { A: "b=c", D: "" } }],
    ["a server", ["--url", "http://h", "--token=t", "--data", "d", "a.py"], { url: "http://h", token: "t", data: "d" }],
    ["flags", ["--local", "--allow-partial", "a.py"], { local: true, allowPartial: true }],
    ["the last of two", ["--lang", "js", "--lang", "py", "a.py"], { language: "python" }],
  ])("%s", (_name, words, expected) => {
    expect(parseRunArguments(words)).toEqual({ kind: "run", run: { ...plain, ...expected } });
  });

  test.each<[string, readonly string[], string]>([
    ["nothing", [], "nothing to run"],
    ["only options", ["--json"], "nothing to run"],
    ["an unknown option", ["--frob", "a.py"], "unknown option '--frob'"],
    ["an unknown short option", ["-z", "a.py"], "unknown option '-z'"],
    ["a flag with a value", ["--json=1", "a.py"], "unknown option '--json=1'"],
    ["an inherited name", ["--constructor", "a.py"], "unknown option"],
    ["an unknown language", ["--lang", "cobol", "a"], "unknown language 'cobol'"],
    ["an inherited language", ["--lang", "toString", "a"], "unknown language"],
    ["an unknown isolation", ["-i", "vm", "a"], "unknown isolation 'vm'"],
    ["a missing value", ["--lang"], "option '--lang' needs a value"],
    ["no timeout", ["--timeout", "0", "a"], "--timeout takes seconds"],
    ["a negative timeout", ["--timeout", "-1", "a"], "--timeout takes seconds"],
    ["a timeout in words", ["--timeout", "1e3", "a"], "--timeout takes seconds"],
    ["a timeout beyond a week", ["--timeout", "999999", "a"], "--timeout takes seconds"],
    ["a variable without a name", ["--env", "=x", "a"], "--env takes"],
  ])("%s is refused", (_name, words, message) => {
    expect(parseRunArguments(words)).toMatchObject({ kind: "error", message: expect.stringContaining(message) });
  });

  test("help is asked for before FILE only", () => {
    expect(parseRunArguments(["--json", "--help"])).toEqual({ kind: "help" });
    expect(parseRunArguments(["a.py", "--help"])).toMatchObject({ kind: "run", run: { args: ["--help"] } });
  });

  test("any words are understood or refused, and the program's own stay as they are", () => {
    const word = fc.oneof(
      fc.constantFrom(
        "-",
        "--",
        "-e",
        "--json",
        "--lang",
        "--lang=",
        "--timeout",
        "--env",
        "py",
        "1",
        "__proto__",
        "-l",
      ),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 8 }),
        fc.array(fc.string({ unit: "binary" }), { maxLength: 4 }),
        (before, after) => {
          const parsed = parseRunArguments([...before, "file.py", ...after]);
          if (parsed.kind === "run" && parsed.run.source.kind === "file" && parsed.run.source.path === "file.py") {
            expect(parsed.run.args).toEqual(after);
          }
          if (parsed.kind === "error") expect(parsed.message).not.toBe("");
        },
      ),
      { numRuns: 2000 },
    );
  });
});
