import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeSandbox, python, shell } from "../drivers/subject.ts";
import { useBubblewrap } from "./stage.ts";

const context = useBubblewrap();

/** Processes of the host, zombies too, that carry the mark in their arguments or under the name it gave itself. */
async function marked(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (words.includes(mark) || name.startsWith(mark)) found.push(`${pid} ${words.replaceAll("\0", " ")}`);
  }
  return found;
}

const WAYS: Readonly<Record<string, string>> = {
  "double forks into sessions of their own": `
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: wait()
        os._exit(0)`,
  "processes that ignore every signal they can": `
for _ in range(3):
    if os.fork() == 0:
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        wait()`,
  "zombies that nobody waits for, and a stopped parent": `
for _ in range(10):
    if os.fork() == 0: os._exit(0)
if os.fork() == 0:
    for _ in range(10):
        if os.fork() == 0: os._exit(0)
    os.kill(os.getpid(), signal.SIGSTOP)`,
  "processes that fork anew as fast as they are killed": `
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                if os.fork() != 0: os._exit(0)
            except OSError: pass
            time.sleep(0.002)`,
  "threads stopped in the kernel's queues": `
import threading
r, w = os.pipe()
for _ in range(10): threading.Thread(target=lambda: os.read(r, 1), daemon=True).start()
if os.fork() == 0: wait()`,
};

test.each(Object.entries(WAYS))("%s are gone with their sandbox", async (_name, code) => {
  const { subject } = context();
  const before = await subject.leftovers();
  const mark = `gbx${randomBytes(5).toString("hex")}`;
  const sandbox = await makeSandbox(context());
  try {
    const prelude = `import os, signal, sys, time, ctypes
MARK = "${mark}"
ctypes.CDLL(None).prctl(15, MARK.encode())
def wait():
    while True: time.sleep(60)
`;
    const argv = ["/usr/bin/python3", "-c", `${prelude}${code}\nprint("started", flush=True)\nwait()`];
    const process = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
    for await (const item of process.output()) if (item.kind === "output") break;
    expect((await marked(mark)).length).toBeGreaterThan(1);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
  expect(await marked(mark)).toEqual([]);
  expect(await subject.leftovers()).toEqual(before);
});

test("daemons of a program that was killed with its tree are gone, and orphans are reaped", async () => {
  await using sandbox = await makeSandbox(context());
  const argv = [
    "/bin/sh",
    "-c",
    "(setsid sh -c 'sleep 77 & sleep 77' &); for i in 1 2 3 4 5; do (true &); done; echo up; sleep 77",
  ];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
  for await (const item of program.output()) if (item.kind === "output") break;
  await program.signal("SIGKILL", "tree");
  const rest = async () => (await shell(sandbox, "ls -d /proc/[0-9]* | wc -l")).stdout.trim();
  // The agent, the shell, and its two programs.
  await expect.poll(rest, { timeout: 10_000 }).toBe("4");
});

test("a sandbox whose processes are busy in every way is destroyed within its time", async () => {
  const sandbox = await makeSandbox(context());
  const spin = "import os\nfor _ in range(8): os.fork()\nwhile True: open('/workspace/x', 'a').write('x' * 999)";
  const program = await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", spin], stdin: "null" });
  await expect.poll(async () => (await sandbox.stats()).pids, { timeout: 10_000 }).toBeGreaterThan(8);
  await sandbox[Symbol.asyncDispose]();
  expect(await sandbox.ended).toEqual({ kind: "destroyed" });
  program.release();
});

test("a sandbox's first process obeys no signal from inside", async () => {
  await using sandbox = await makeSandbox(context());
  const all = "import os, signal\nfor n in range(1, 65):\n  try: os.kill(1, n)\n  except OSError: pass\nprint('sent')";
  expect((await python(sandbox, all)).stdout).toBe("sent\n");
  // All but the first process and the caller.
  expect((await shell(sandbox, "sleep 78 & kill -9 -1; wait; echo alone")).stdout).toBe("alone\n");
  expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
});
