import { afterAll, beforeAll, expect, test } from "vitest";
import type { ExecutionInput } from "../../core/index.ts";
import { openStage, read, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const LINE_NODE = "const lines = require('node:readline/promises').createInterface({ input: process.stdin });";
const READERS: readonly (readonly [ExecutionInput["language"], string, { read: string; count: string }])[] = [
  [
    "python",
    "python",
    { read: "print('got', input()); print('got', input())", count: "import sys; print(len(sys.stdin.read()))" },
  ],
  [
    "javascript",
    "node",
    {
      read: `{ ${LINE_NODE} for await (const line of lines) process.stdout.write("got " + line + "\\n"); }`,
      count: "process.stdout.write(require('node:fs').readFileSync(0).length + '\\n')",
    },
  ],
  ["bash", "bash", { read: "read x; echo got $x; read x; echo got $x", count: "wc -c" }],
];

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

test.each(READERS)(
  "%s in a kernel reads the text given, then an end; what it leaves does not reach the next",
  async (...args) => {
    const [language, template, code] = args;
    const id = await stage.session({ template });
    const run = (input: string, stdin: string) => stage.run(id, { kind: "repl", language, input, stdin });
    expect(lines((await run(code.read, "a\nb\n")).out)).toEqual(["got a", "got b"]);
    const large = "x".repeat(300_000);
    expect(lines((await run(code.count, large)).out)).toEqual(["300000"]);
    expect((await run("1", "left over\n")).execution.status).toMatch(/ok|error/);
    expect(lines((await run(code.count, "")).out)).toEqual(["0"]);
    expect(lines((await run(code.read, "c\nd\n")).out)).toEqual(["got c", "got d"]);
  },
);

test.each(READERS)("what is written while code in %s runs reaches it, and its stdin can be closed", async (...args) => {
  const [language, template, code] = args;
  const id = await stage.session({ template });
  const { executions } = stage.services;
  const { execution, finished } = await executions.start(TENANT, id, { kind: "repl", language, input: code.read });
  await executions.writeStdin(TENANT, execution.id, Buffer.from("one\n"));
  for await (const { type } of executions.follow(TENANT, execution.id)) if (type === "stdout") break;
  await executions.writeStdin(TENANT, execution.id, Buffer.from("two\n"), { close: true });
  const ran = await read(stage.services, await finished);
  expect(ran.execution.status).toBe("ok");
  expect(lines(ran.out)).toEqual(["got one", "got two"]);
  const after = await stage.run(id, {
    kind: "command",
    argv: ["sh", "-c", "ls -A /tmp | grep glovebox-stdin; ps -e -o comm= | grep -x cat; true"],
    stdin: "",
  });
  expect(after.out).toBe("");
});

test("code that waits for input which never comes can be cancelled, and the kernel keeps its state", async () => {
  const id = await stage.session();
  await stage.py(id, "kept = 7", { stdin: "" });
  const { execution } = await stage.services.executions.start(TENANT, id, {
    kind: "repl",
    language: "python",
    input: "input()",
  });
  expect(await stage.services.executions.cancel(TENANT, execution.id)).toMatchObject({ status: "cancelled" });
  expect((await stage.py(id, "kept", { stdin: "" })).execution.result?.json).toBe(7);
  expect((await stage.py(id, "input()", { stdin: "" })).execution.error?.name).toBe("EOFError");
});

test("a compiled program reads the text given; an isolate refuses it", async () => {
  const rust = await stage.session({ template: "rust" });
  const code = 'fn main() { println!("{}", std::io::stdin().lines().next().unwrap().unwrap().len()); }';
  expect((await stage.run(rust, { kind: "repl", language: "rust", input: code, stdin: "12345" })).out).toBe("5\n");
  const isolate = await stage.session({ template: "js-isolate" });
  const given: ExecutionInput = { kind: "repl", language: "javascript", input: "1", stdin: "x" };
  await expect(stage.run(isolate, given)).rejects.toMatchObject({ code: "not_supported_by_isolation" });
  expect((await stage.run(isolate, { ...given, stdin: "" })).execution.status).toBe("ok");
});
