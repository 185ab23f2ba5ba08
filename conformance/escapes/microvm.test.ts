import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeMicrovmSubject } from "../drivers/microvm-subject.ts";
import { makeSandbox, python, type SuiteContext } from "../drivers/subject.ts";
import { ATTEMPTS } from "./attempts.ts";

const PRELUDE = readFileSync(join(import.meta.dirname, "prelude.py"), "utf8");
/**
 * The same attempts as in bubblewrap's sandboxes: the machine's own wall is the machine, and within it user code has no more rights than
 * there. Each starts a Python, which under emulation takes a second, so that those that only try system calls share one.
 */
const SHARED = "the system call ";
const shared = ATTEMPTS.filter(({ name }) => name.startsWith(SHARED));
const single = ATTEMPTS.filter(({ name }) => !name.startsWith(SHARED));

describe("in a microVM nothing comes of", { timeout: 120_000 }, () => {
  let context: SuiteContext;
  let sandbox: Awaited<ReturnType<typeof makeSandbox>>;

  beforeAll(async () => {
    const subject = makeMicrovmSubject();
    const probed = await subject.driver.probe();
    if (!probed.available) throw new Error(`microvm is not available: ${probed.reason}`);
    context = { subject, capabilities: probed.capabilities };
    sandbox = await makeSandbox(context);
  });
  afterAll(async () => {
    await sandbox?.[Symbol.asyncDispose]();
    await context?.subject.dispose();
  });

  const tried = async (code: string) => {
    const { stdout, stderr, ...end } = await python(sandbox, `${PRELUDE}\n${code}\nprint("TRIED")`);
    expect(stdout).not.toContain("ESCAPED");
    expect({ end, last: stdout.trim().split("\n").at(-1), stderr }).toEqual({
      end: { code: 0 },
      last: "TRIED",
      stderr: "",
    });
  };

  test("any of the system calls", async () => {
    expect(shared.length).toBeGreaterThan(20);
    await tried(shared.map(({ code }) => code).join("\n"));
  });

  // What lies in /var is the image's own.
  test.each(single.map(({ name, code }) => [name, code.replace("'/var', ", "")] as const))("%s", (_name, code) =>
    tried(code),
  );

  test("and the machine works on", async () => {
    expect(await python(sandbox, "print(6 * 7)")).toMatchObject({ stdout: "42\n", code: 0 });
  });

  test("a flood of output and of processes that nobody waits for", async () => {
    const { stdout } = await python(
      sandbox,
      "import os, sys\nfor i in range(40):\n    if os.fork() == 0: os._exit(0)\nfor i in range(256): sys.stdout.write('x' * 4096)",
    );
    expect(stdout.length).toBe(1 << 20);
  });
});
