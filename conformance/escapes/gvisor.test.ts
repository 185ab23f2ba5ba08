import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeGvisorSubject } from "../drivers/gvisor-subject.ts";
import { Connections } from "../drivers/network-host.ts";
import { makeSandbox, python } from "../drivers/subject.ts";
import { ATTEMPTS } from "./attempts.ts";
import { useDriver } from "./stage.ts";

const PRELUDE = readFileSync(join(import.meta.dirname, "prelude.py"), "utf8");
const SECRET = { name: "GLOVEBOX_ESCAPE_X", value: "host-secret" };
/** There everything seems to answer, as it shall: what is reachable is tested in `conformance/drivers/network-bounds.ts`. */
const CONNECTING = "the network: other hosts, the metadata address, DNS";

/** gVisor shows everybody each process's environment, map and the names of its descriptors; what they are worth is tested below. */
const READING = "tracing or reading the first process";
const TRACE_AND_OPEN = `
in_child(lambda: (call('ptrace', 16, 1, 0, 0)[0] == 0) and print('ESCAPED ptrace'))
buffer = ctypes.create_string_buffer(8)
in_child(lambda: (call('process_vm_readv', 1, buffer, 1, buffer, 1, 0)[0] > 0) and print('ESCAPED process_vm_readv'))
for name in ('mem', 'root', 'cwd', 'exe'):
    try:
        os.readlink('/proc/1/' + name) if name != 'mem' else open('/proc/1/mem', 'rb').read(1)
        print('ESCAPED', name)
    except OSError: pass
if open('/proc/1/environ').read().rstrip('\\0') not in ('', 'HOME=/root'): print('ESCAPED environment')
for fd in os.listdir('/proc/1/fd'):
    for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        try: os.open('/proc/1/fd/' + fd, mode | os.O_NONBLOCK); print('ESCAPED fd', fd, mode)
        except OSError: pass`;
const TRIED = ATTEMPTS.map((attempt) => (attempt.name === READING ? { name: READING, code: TRACE_AND_OPEN } : attempt));

let sandbox: Awaited<ReturnType<typeof makeSandbox>> | undefined;

const context = useDriver("gvisor", makeGvisorSubject, async (made) => {
  process.env[SECRET.name] = SECRET.value;
  await writeFile(join(made.subject.baseDir, "secret.txt"), SECRET.value, { mode: 0o644 });
  sandbox = await makeSandbox(made);
});
afterAll(async () => {
  delete process.env[SECRET.name];
  await sandbox?.[Symbol.asyncDispose]();
});
const run = (code: string) => {
  if (!sandbox) throw new Error("the sandbox is not ready");
  return python(sandbox, code);
};

describe("in a gvisor sandbox nothing comes of", () => {
  test.each(TRIED.map(({ name, code }) => [name, code] as const))("%s", async (_name, code) => {
    const { stdout, stderr, ...end } = await run(`${PRELUDE}\n${code}\nprint("TRIED")`);
    expect(stdout).not.toContain("ESCAPED");
    expect({ end, last: stdout.trim().split("\n").at(-1), stderr }).toEqual({
      end: { code: 0 },
      last: "TRIED",
      stderr: "",
    });
  });

  test("any of the attempts with a network", { timeout: 120_000 }, async () => {
    const attempts = TRIED.filter(({ name }) => name !== CONNECTING);
    expect(attempts).toHaveLength(ATTEMPTS.length - 1);
    await using open = await makeSandbox(context(), { network: new Connections() });
    for (const { name, code } of attempts) {
      const { stdout, ...end } = await python(open, `${PRELUDE}\n${code}\nprint("TRIED")`);
      expect(stdout, name).not.toContain("ESCAPED");
      expect(end, name).toEqual({ code: 0, stderr: "" });
    }
  });

  test("looking for the host's files by name", async () => {
    const path = join(context().subject.baseDir, "secret.txt");
    const find = `import os
for base in ("", "/proc/1/root", "/proc/self/root", "/workspace/../.."):
    try: print("ESCAPED", open(base + ${JSON.stringify(path)}).read())
    except OSError: pass`;
    expect(await run(find)).toMatchObject({ stdout: "", stderr: "", code: 0 });
  });

  test("and the sandbox works on", async () => {
    expect(await run("print(6 * 7)")).toMatchObject({ stdout: "42\n", code: 0 });
  });
});
