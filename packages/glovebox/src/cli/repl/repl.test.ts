import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../../test/support/server.ts";
import { cli } from "../testing/cli.ts";
import { onTerminal } from "../testing/terminal.ts";

let server: TestServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-repl-test-"));
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("in a pipe every piece is evaluated with its state, and a failure is told by the exit code", async () => {
  const input = "x = 20\nfor i in range(2):\n    print(i)\n\nx + 22\nNone\n'last'";
  expect(await cli(["repl"], { input })).toMatchObject({ code: 0, stdout: "0\n1\n42\n'last'\n", stderr: "" });
  const failed = await cli(["repl", "python"], { input: "1/0\n2\n" });
  expect(failed).toMatchObject({ code: 1, stdout: "2\n" });
  expect(failed.stderr).toContain("ZeroDivisionError");
});

test("another language of the session can be chosen, and unknown ones are refused", async () => {
  const input = "const a: number = 1\n.lang js\na + 1\n.lang cobol\n.exit\n3\n";
  const result = await cli(["repl", "ts", "-i", "isolate"], { input });
  expect(result).toMatchObject({ code: 0, stdout: "2\n", stderr: "this session has typescript, javascript\n" });
});

test("a server that runs is used, and the session is closed after it", async () => {
  const env = { GLOVEBOX_DATA: server.dataDir };
  expect(await cli(["repl", "-t", "python"], { input: "1 + 1\n.lang bash\necho $((2 + 3))\n", env })).toMatchObject({
    code: 0,
    stdout: "2\n5\n",
  });
  const { items } = JSON.parse((await cli(["session", "list", "--json"], { env })).stdout);
  expect(items[0]).toMatchObject({ status: "closed", metadata: { madeBy: "glovebox repl" } });
});

test("pictures are saved, and where is said", async () => {
  const code = "class P:\n    def _repr_png_(self): return b'\\x89PNG-bytes'\n\nP()\n";
  const { stdout } = await cli(["repl"], { input: code, env: { TMPDIR: folder } });
  const path = /image\/png saved as (\S+)\]/.exec(stdout)?.[1] ?? "";
  expect(readFileSync(path).toString("latin1")).toBe("\x89PNG-bytes");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("what a terminal would obey does not reach it through values", async () => {
  const { stdout } = await cli(["repl"], { input: "class E:\n    def __repr__(self): return 'a\\x1b[2Jb'\n\nE()\n" });
  expect(stdout).not.toContain("\x1b");
});

test("on a terminal it greets, prompts, goes on until a block is whole, interrupts, and remembers", async () => {
  const env = { XDG_STATE_HOME: join(folder, "state"), NO_COLOR: "1" };
  const seen = await onTerminal(["repl", "--local"], env, [
    { when: "py> ", type: "def f():\r" },
    { when: "..| ", type: "    return 40 + 2\r" },
    { when: "return 40 + 2", type: "\r" },
    { when: "py> ", type: "f()\r" },
    { when: "\n42", type: "" },
    { when: "py> ", type: "import time; print('go'); time.sleep(60)\r" },
    { when: "go\r\n", type: "\x03" },
    { when: "KeyboardInterrupt", type: "" },
    { when: "py> ", type: "(1,\r" },
    { when: "..| ", type: "\x03" },
    { when: "^C", type: "" },
    { when: "py> ", type: ".help\r" },
    { when: ".lang NAME", type: "\x04" },
  ]);
  expect(seen.text).toContain("Glovebox python (bubblewrap, in this process)");
  expect(seen.code).toBe(0);
  const history = readFileSync(join(folder, "state/glovebox/repl-history"), "utf8");
  expect(history).toContain("def f():\n");
});

test("a shell is a terminal with the size of this one, and ends with the shell's code", async () => {
  const env = { GLOVEBOX_DATA: server.dataDir };
  const seen = await onTerminal(["shell", "-t", "bash"], env, [{ when: "$ ", type: "stty size; exit 6\r" }]);
  expect(seen.text).toMatch(/30 100\s/);
  expect(seen.code).toBe(6);
});
