import { expect, test } from "vitest";
import { finish, LIMITS, makeSandbox, python, shell } from "../drivers/subject.ts";
import { useBubblewrap } from "./stage.ts";

/** Ways to have a limit without its watchdog: each must end as if the limit were kept. */
const context = useBubblewrap();
const MIB = 1 << 20;

const PRELUDE = `
import ctypes, os, shutil, signal, stat, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def fill(f, mib=150):
    for _ in range(mib): f.write(b"x" * 1048576); f.flush(); time.sleep(0.03)
    print("wrote it all", flush=True)
`;

const EVASIONS: Readonly<Record<string, string>> = {
  "after it took all processes": `
try:
    while True:
        if os.fork() == 0: time.sleep(60); os._exit(0)
except OSError: pass
fill(open("/workspace/f", "wb"))`,
  "while it stops the walker": `
if os.fork() == 0:
    while True:
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) not in (1, os.getpid(), os.getppid()):
                try: os.kill(int(name), signal.SIGSTOP)
                except OSError: pass
fill(open("/workspace/f", "wb"))`,
  "from a process that asks to be undumpable": `
libc.prctl(4, 0, 0, 0, 0)
f = open("/workspace/f", "wb"); os.unlink("/workspace/f")
fill(f)`,
  "from a program that may not be read": `
shutil.copy("/bin/cat", "/workspace/cat"); os.chmod("/workspace/cat", 0o111)
f = open("/workspace/f", "wb"); os.unlink("/workspace/f")
cat = subprocess.Popen(["/workspace/cat"], stdin=subprocess.PIPE, stdout=f)
f.close()
fill(cat.stdin)`,
  "from a thread whose main thread has ended": `
f = open("/workspace/f", "wb"); os.unlink("/workspace/f")
threading.Thread(target=fill, args=(f,)).start()
libc.syscall(60 if os.uname().machine == "x86_64" else 93, 0)`,
};

test.each(Object.entries(EVASIONS))("the disk is not filled by code %s", { timeout: 30_000 }, async (_name, code) => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 16, pids: 30 } });
  const argv = ["/usr/bin/python3", "-c", PRELUDE + code];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null", limits: { wallMs: 12_000 } });
  const { stdout } = await finish(program);
  expect(stdout).toBe("");
  // What it left is within reach of the limit, and the sandbox works on.
  const working = () => shell(sandbox, "rm -f f cat; echo alive").then(({ stdout: said }) => said, String);
  await expect.poll(working, { timeout: 10_000, interval: 100 }).toBe("alive\n");
  await expect.poll(async () => (await sandbox.stats()).diskBytes, { timeout: 10_000 }).toBeLessThan(MIB);
});

test("many files, which make walks slow and rare, give no time to fill the disk between two", {
  timeout: 120_000,
}, async () => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 64 } });
  const many = `import os, time
for i in range(50):
    os.mkdir(f"/workspace/{i}")
    for k in range(1000): open(f"/workspace/{i}/{k}", "w").close()
time.sleep(3)
f = open("/workspace/f", "wb")
for _ in range(600): f.write(b"x" * 1048576); f.flush(); time.sleep(0.004)`;
  const argv = ["/usr/bin/python3", "-c", many];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null", limits: { wallMs: 75_000 } });
  expect(await finish(program)).toMatchObject({ limit: "disk" });
  expect((await sandbox.files.stat("f")).size).toBeLessThan(200 * MIB);
});

test("zombies, and programs of the file operations, are not taken for processes that hide", async () => {
  await using sandbox = await makeSandbox(context());
  const script =
    "import os, time\nfor _ in range(5):\n  if os.fork() == 0: os._exit(0)\ntime.sleep(3)\nprint('through')";
  const running = python(sandbox, script);
  for (let i = 0; i < 20; i += 1) await sandbox.files.write(`f${i}`, Buffer.alloc(MIB, 1));
  expect(await running).toMatchObject({ stdout: "through\n", code: 0 });
});

test("code cannot make itself the last to be killed for memory, nor take what the whole host shares", async () => {
  await using sandbox = await makeSandbox(context());
  const lower = "for n in -900 -500 -1; do echo $n > /proc/self/oom_score_adj; done; cat /proc/self/oom_score_adj";
  const { stdout } = await shell(sandbox, `{ ${lower}; } 2>/dev/null`);
  expect(Number(stdout)).toBeGreaterThanOrEqual(0);
  const places = `import ctypes, os
number = 206 if os.uname().machine == "x86_64" else 0
print(ctypes.CDLL(None).syscall(number, 60000, ctypes.byref(ctypes.c_ulong(0))))`;
  expect((await python(sandbox, places)).stdout).toBe("-1\n");
});
