import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeSandbox, python } from "../drivers/subject.ts";
import { ATTEMPTS } from "./attempts.ts";
import { useBubblewrap } from "./stage.ts";

const PRELUDE = readFileSync(join(import.meta.dirname, "prelude.py"), "utf8");
/** What the attempts look for on the host. */
const SECRET = { name: "GLOVEBOX_ESCAPE_X", value: "host-secret" };

let sandbox: Awaited<ReturnType<typeof makeSandbox>> | undefined;
let abstract: Server | undefined;
let reached = 0;

const context = useBubblewrap(async (made) => {
  process.env[SECRET.name] = SECRET.value;
  abstract = createServer((socket) => {
    reached += 1;
    socket.on("error", () => {}).end("the host was here");
  });
  // The ordinary user's run of this file may go on at the same time in another process.
  abstract.on("error", () => {});
  abstract.listen("\0glovebox-escape-test");
  await writeFile(join(made.subject.baseDir, "secret.txt"), SECRET.value, { mode: 0o644 });
  sandbox = await makeSandbox(made);
});
afterAll(async () => {
  delete process.env[SECRET.name];
  abstract?.close();
  await sandbox?.[Symbol.asyncDispose]();
});
const run = (code: string) => {
  if (!sandbox) throw new Error("the sandbox is not ready");
  return python(sandbox, code);
};

describe("in a bubblewrap sandbox nothing comes of", () => {
  test.each(ATTEMPTS.map(({ name, code }) => [name, code] as const))("%s", async (_name, code) => {
    const { stdout, stderr, ...end } = await run(`${PRELUDE}\n${code}\nprint("TRIED")`);
    expect(stdout).not.toContain("ESCAPED");
    // An attempt that fell over its own feet has shown nothing.
    expect({ end, last: stdout.trim().split("\n").at(-1), stderr }).toEqual({
      end: { code: 0 },
      last: "TRIED",
      stderr: "",
    });
  });

  test("looking for the host's files by name", async () => {
    const path = join(context().subject.baseDir, "secret.txt");
    const find = `import os
for base in ("", "/proc/1/root", "/proc/self/root", "/workspace/../.."):
    try: print("ESCAPED", open(base + ${JSON.stringify(path)}).read())
    except OSError: pass`;
    expect(await run(find)).toMatchObject({ stdout: "", stderr: "", code: 0 });
  });

  test("and the sandbox works on, the host's socket was never reached", async () => {
    expect(await run("print(6 * 7)")).toMatchObject({ stdout: "42\n", code: 0 });
    expect(reached).toBe(0);
  });
});
