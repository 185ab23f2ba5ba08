import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { makeMicrovmSubject } from "../drivers/microvm-subject.ts";
import { makeSandbox, python } from "../drivers/subject.ts";
import { ATTEMPTS } from "./attempts.ts";
import { useDriver } from "./stage.ts";

/** Machines boot and compute a tenth as fast where there is no KVM, and much slower yet where others compute, too. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const PRELUDE = readFileSync(join(import.meta.dirname, "prelude.py"), "utf8");
/**
 * The same attempts as in bubblewrap's sandboxes: the machine's own wall is the machine, and within it user code has no more rights than
 * there. A Python takes a second to start under emulation: one forks for each attempt, which has a process of its own all the same.
 */
const EACH_IN_A_CHILD = `
import json, traceback
for number, code in enumerate(json.loads(open('/workspace/attempts.json').read())):
    pid = os.fork()
    if pid == 0:
        try:
            exec(compile(code, 'attempt', 'exec'), globals())
            print('TRIED')
        except BaseException: traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(f'=== {number} {status}', flush=True)
`;

let sandbox: Awaited<ReturnType<typeof makeSandbox>> | undefined;
const context = useDriver("microvm", makeMicrovmSubject, async (made) => {
  sandbox = await makeSandbox(made);
});
afterAll(() => sandbox?.[Symbol.asyncDispose]());
const machine = () => {
  if (!sandbox || !context()) throw new Error("the machine is not ready");
  return sandbox;
};

test("nothing comes of any attempt to leave a microVM", async () => {
  // What lies in /var is the image's own.
  const codes = ATTEMPTS.map(({ code }) => code.replace("'/var', ", ""));
  await machine().files.write("attempts.json", Buffer.from(JSON.stringify(codes)));
  const { stdout, stderr, ...end } = await python(machine(), `${PRELUDE}\nimport os, sys\n${EACH_IN_A_CHILD}`);
  expect({ stderr, end }).toEqual({ stderr: "", end: { code: 0 } });
  const said = stdout.split(/^=== \d+ (?=\d+$)/m);
  const outcomes = ATTEMPTS.map(({ name }, index) => ({
    name,
    printed: (said[index] ?? "missing").replace(/^\d+\n/, "").trim(),
    status: Number.parseInt(said[index + 1] ?? "-1", 10),
  }));
  expect(outcomes.length).toBeGreaterThan(40);
  for (const outcome of outcomes) {
    expect(outcome.printed, outcome.name).not.toContain("ESCAPED");
    // The last word, since an attempt may say what it was refused.
    expect({ ...outcome, printed: outcome.printed.split("\n").at(-1) }).toEqual({
      ...outcome,
      printed: "TRIED",
      status: 0,
    });
  }
});

test("the machine works on after them, and after a flood of output and of processes that nobody waits for", async () => {
  const { stdout } = await python(
    machine(),
    "import os, sys\nfor i in range(40):\n    if os.fork() == 0: os._exit(0)\nfor i in range(256): sys.stdout.write('x' * 4096)",
  );
  expect(stdout.length).toBe(1 << 20);
  expect(await python(machine(), "print(6 * 7)")).toMatchObject({ stdout: "42\n", code: 0 });
});
