import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Language, StoredEvent } from "../../core/index.ts";
import { BubblewrapDriver } from "../../sandbox/bubblewrap/index.ts";
import { IsolateDriver } from "../../sandbox/isolate/index.ts";
import { openRepl, runOnce } from "../one-shot.ts";
import { textOf } from "../testing/stage.ts";

let folder: string;
let driver: BubblewrapDriver;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-once-"));
  driver = new BubblewrapDriver({ runDir: join(folder, "run"), waiting: 0 });
});
afterAll(async () => {
  await driver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const workspace = () => mkdtemp(join(folder, "workspace-"));

async function* input(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

const PROGRAMS: [Language, string, string, number][] = [
  ["python", "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(3)", "['a b'] in\n", 3],
  ["javascript", "process.stdin.on('data', (d) => console.log(process.argv.slice(2), `${d}`))", "[ 'a b' ] in\n", 0],
  ["typescript", "const x: number = 40; console.log(x + 2)", "42\n", 0],
  ["bash", 'cat; echo " $1"; exit 4', "in a b\n", 4],
  ["rust", 'fn main() { println!("{}", std::env::args().nth(1).unwrap()); std::process::exit(5) }', "a b\n", 5],
];

for (const [language, code, out, exitCode] of PROGRAMS) {
  test(`${language}: a program is run as its own command would, with arguments, stdin and exit code`, async () => {
    const { execution, events } = await runOnce({
      driver,
      workspaceDir: await workspace(),
      language,
      source: { code },
      args: ["a b"],
      stdin: input("in"),
    });
    expect(textOf(events, "stdout")).toBe(out);
    expect(execution).toMatchObject({ kind: "command", status: exitCode === 0 ? "ok" : "error", exitCode });
  });
}

test("a file of the host is copied in; a callback gets every event in order, and nothing need be kept", async () => {
  const hostFile = join(folder, "hello.py");
  await writeFile(hostFile, "for i in range(2000): print(i)");
  const seen: StoredEvent[] = [];
  const { execution, events } = await runOnce({
    driver,
    workspaceDir: await workspace(),
    language: "python",
    source: { path: "deep/hello.py", hostFile },
    keepEvents: false,
    onEvent: async (event) => {
      await delay(1);
      seen.push(event);
    },
  });
  expect(execution.status).toBe("ok");
  expect(events).toEqual([]);
  expect(textOf(seen, "stdout").split("\n")).toHaveLength(2001);
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_event, index) => index + 1));
});

test("limits and cancelling end a program as in a server", async () => {
  const endless = { driver, language: "python" as const, source: { code: "while True: pass" } };
  const timeout = await runOnce({ ...endless, workspaceDir: await workspace(), limits: { wallMs: 300 } });
  expect(timeout.execution).toMatchObject({ status: "timeout", exitCode: 124 });
  const gone = new AbortController();
  const running = runOnce({ ...endless, workspaceDir: await workspace(), signal: gone.signal });
  setTimeout(() => gone.abort(), 400);
  expect((await running).execution).toMatchObject({ status: "cancelled", exitCode: 130 });
  const memory = await runOnce({
    ...endless,
    workspaceDir: await workspace(),
    source: { code: "b = []\nwhile True: b.append(bytearray(8 << 20))" },
    limits: { memoryMb: 64 },
  });
  expect(memory.execution).toMatchObject({ status: "memory_limit", exitCode: 137 });
  const path = { path: "../x.py" };
  await expect(runOnce({ ...endless, workspaceDir: await workspace(), source: path })).rejects.toMatchObject({
    code: "invalid_path",
  });
});

test("isolate: a program is a file in its kernel", async () => {
  await using isolate = new IsolateDriver({ companion: (spec) => driver.create(spec), warmWorkers: 0 });
  const { execution, events } = await runOnce({
    driver: isolate,
    workspaceDir: await workspace(),
    language: "typescript",
    source: { code: "const n: number = 41; console.log(n + 1)" },
  });
  expect(execution).toMatchObject({ kind: "run_file", status: "ok", exitCode: 0 });
  expect(JSON.stringify(events)).toContain("42");
});

test("a conversation keeps its state per language, one turn at a time", async () => {
  await using repl = await openRepl({ driver, workspaceDir: await workspace(), languages: ["python", "bash", "rust"] });
  await repl.run("x = 20");
  const slow = repl.run("import time; time.sleep(0.2); x + 1");
  await expect(repl.run("2")).rejects.toMatchObject({ code: "session_busy" });
  expect((await slow).execution.result?.json).toBe(21);
  await repl.run("cd /tmp", { language: "bash" });
  expect(textOf((await repl.run("pwd", { language: "bash" })).events, "stdout")).toBe("/tmp\n");
  expect(textOf((await repl.run('println!("{}", 6 * 7);', { language: "rust" })).events, "stdout")).toBe("42\n");
  const broken = await repl.run("let x: i32 = true;", { language: "rust" });
  expect(broken.execution).toMatchObject({ status: "error", exitCode: 1, error: { name: "CompileError" } });
  expect(broken.execution.error?.stack).toContain("E0308");
});

test("running code without a server loads neither the store nor zod", async () => {
  const code = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL("../one-shot.ts", import.meta.url).href)});
    console.log(JSON.stringify(loaded));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
  const loaded = JSON.parse(stdout) as string[];
  expect(loaded.length).toBeGreaterThan(10);
  expect(loaded.filter((url) => /node_modules|\/src\/store\/|schemas\.ts/.test(url))).toEqual([]);
});
