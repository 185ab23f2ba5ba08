import { expect, test } from "vitest";
import { isGloveboxError } from "../../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxProcess } from "../../packages/glovebox/src/sandbox/index.ts";
import { finish, LIMITS, makeSandbox, python, shell } from "../drivers/subject.ts";
import { useBubblewrap } from "./stage.ts";

/** Every bomb goes off in a sandbox of its own and must leave it usable, and a neighbour untouched. */
const context = useBubblewrap();
const MIB = 1 << 20;
const WALL = { wallMs: 3_000 };

/** Runs code until it ends or its wall time is over. */
async function burn(sandbox: Awaited<ReturnType<typeof makeSandbox>>, code: string, wallMs = WALL.wallMs) {
  const argv = ["/usr/bin/python3", "-c", code];
  return finish(await sandbox.spawn({ kind: "program", argv, stdin: "null", limits: { wallMs } }));
}

async function stillWorks(sandbox: Awaited<ReturnType<typeof makeSandbox>>): Promise<void> {
  const answers = async () => {
    try {
      return (await shell(sandbox, "echo alive")).stdout;
    } catch (error) {
      return String(error);
    }
  };
  await expect.poll(answers, { timeout: 10_000, interval: 100 }).toBe("alive\n");
}

test("a fork bomb in the shell's one line", async () => {
  await using neighbour = await makeSandbox(context());
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, pids: 40 } });
  const argv = ["/bin/bash", "-c", ":(){ :|:& };:; wait; sleep 60"];
  const bomb = await sandbox.spawn({ kind: "program", argv, stdin: "null", limits: { wallMs: 2_500 } });
  const ending = finish(bomb);
  await expect.poll(async () => (await sandbox.stats()).pids, { timeout: 5_000 }).toBeGreaterThan(20);
  expect((await sandbox.stats()).pids).toBeLessThanOrEqual(44);
  expect((await shell(neighbour, "echo alive")).stdout).toBe("alive\n");
  expect(await ending).toMatchObject({ signal: "SIGKILL", limit: "wall" });
  await stillWorks(sandbox);
  await expect.poll(async () => (await sandbox.stats()).pids, { timeout: 10_000 }).toBeLessThan(5);
});

test("a fork bomb of threads, and of processes that leave their session", async () => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, pids: 40 } });
  const threads = `
import threading, time
n = 0
try:
    while n < 500: threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); n += 1
except RuntimeError: pass
print(n)
import os; os._exit(0)`;
  expect(Number((await burn(sandbox, threads)).stdout.trim())).toBeLessThanOrEqual(40);
  const sessions = "import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass";
  expect(await burn(sandbox, sessions)).toMatchObject({ limit: "wall" });
  await stillWorks(sandbox);
});

const HOARDS: Readonly<Record<string, string>> = {
  "the heap": "b = []\nwhile True: b.append(bytearray(b'x') * (4 << 20))",
  "anonymous maps of many processes": `
import os, time
for _ in range(12):
    if os.fork() == 0:
        b = bytearray(b"x") * (24 << 20)
        time.sleep(30); os._exit(0)
time.sleep(30)`,
  "files in /tmp": "f = open('/tmp/f', 'wb')\nwhile True: f.write(b'x' * 1048576); f.flush()",
  "files in /dev/shm": "f = open('/dev/shm/f', 'wb')\nwhile True: f.write(b'x' * 1048576); f.flush()",
  "files that have no name":
    "import os\nfs = []\nwhile True:\n  fd = os.memfd_create('x'); fs.append(fd); os.write(fd, b'x' * (8 << 20))",
  "pipes and sockets full of bytes": `
import os, socket
kept = []
while True:
    a, b = socket.socketpair(); a.setblocking(False); kept += [a, b]
    try:
        while True: a.send(b"x" * 65536)
    except BlockingIOError: pass`,
  "shared memory that nobody has mapped": `
from multiprocessing import shared_memory as s
kept = []
while True:
    m = s.SharedMemory(create=True, size=8 << 20); m.buf[:] = b"x" * (8 << 20); kept.append(m)`,
};

test.each(Object.entries(HOARDS))("a memory bomb through %s", async (_name, code) => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, memoryMb: 96 } });
  let peak = 0;
  const timer = setInterval(
    () =>
      void sandbox.stats().then(
        (stats) => (peak = Math.max(peak, stats.memoryBytes)),
        () => {},
      ),
    50,
  );
  try {
    const { stdout, ...end } = await burn(sandbox, code);
    expect(stdout).toBe("");
    // Killed for its memory or its time, or refused by the kernel with an exception.
    expect(end.signal ?? `exit ${end.code}`).toMatch(/SIGKILL|SIGBUS|exit 1/);
    expect(peak).toBeLessThanOrEqual(100 * MIB);
  } finally {
    clearInterval(timer);
  }
  await shell(sandbox, "rm -rf /tmp/* /dev/shm/*").catch(() => {});
  await stillWorks(sandbox);
  expect((await sandbox.stats()).memoryBytes).toBeLessThan(96 * MIB);
});

/** While the disk is over its limit the watchdog may stop the remover too; one of a few gets through. */
async function removeOnceAllowed(sandbox: Sandbox, path: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await sandbox.files.remove(path, { recursive: true });
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return;
      if (tries >= 20 || !isGloveboxError(error, "resource_exhausted")) throw error;
    }
  }
}

test("a disk bomb: one file, many files, and files that were unlinked while open", async () => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 16 } });
  const one = "f = open('/workspace/f', 'wb')\nwhile True: f.write(b'x' * 1048576); f.flush()";
  expect((await burn(sandbox, one, 8_000)).limit).toBe("disk");
  await removeOnceAllowed(sandbox, "f");
  const many = `import os
i = 0
while True:
    os.makedirs(f"/workspace/d/{i % 50}", exist_ok=True)
    open(f"/workspace/d/{i % 50}/{i}", "wb").write(b"x" * 65536); i += 1`;
  expect((await burn(sandbox, many, 8_000)).limit).toBe("disk");
  await removeOnceAllowed(sandbox, "d");
  await stillWorks(sandbox);
});

const HIDDEN: Readonly<Record<string, string>> = {
  "that was unlinked": "os.unlink('/workspace/d/f')",
  "in a folder that was closed": "os.chmod('/workspace/d', 0)",
  "in a folder that can only be listed": "os.chmod('/workspace/d', 0o400)",
};

test.each(Object.entries(HIDDEN))("a disk bomb into an open file %s", async (_name, hide) => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 16 } });
  const code = `import os, time
os.mkdir("/workspace/d"); f = open("/workspace/d/f", "wb")
${hide}
for _ in range(300): f.write(b"x" * 1048576); f.flush(); time.sleep(0.02)`;
  expect((await burn(sandbox, code, 8_000)).limit).toBe("disk");
  const mode = hide.includes("0o400") ? 0o400 : hide.includes("0)") ? 0 : 0o755;
  expect((await sandbox.files.stat("d")).mode & 0o777).toBe(mode);
  await shell(sandbox, "chmod 700 /workspace/d; rm -rf /workspace/d");
  await stillWorks(sandbox);
});

test("an inode bomb: empty files without end are held by the disk limit", async () => {
  await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 16 } });
  const code = `import os
i = 0
while True:
    os.makedirs(f"/workspace/d/{i % 50}", exist_ok=True)
    open(f"/workspace/d/{i % 50}/{i}", "w").close(); i += 1`;
  const { limit } = await burn(sandbox, code, 40_000);
  await removeOnceAllowed(sandbox, "d");
  await stillWorks(sandbox);
  expect(limit).toBe("disk");
});

test("a flood on every stream stops at the window while nobody reads, and costs the host little", async () => {
  await using sandbox = await makeSandbox(context());
  await python(sandbox, "");
  const before = process.memoryUsage.rss();
  const flood = "import os\nb = b'x' * 65536\nif os.fork(): \n  while True: os.write(1, b)\nwhile True: os.write(2, b)";
  const programs: SandboxProcess[] = [];
  for (let i = 0; i < 4; i += 1) {
    programs.push(await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", flood], stdin: "null" }));
  }
  const full = () => programs.every(({ held }) => held.stdout.to > 0 && held.stderr.to > 0);
  await expect.poll(full, { timeout: 10_000 }).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const { held } of programs) {
    expect(held.stdout.to - held.stdout.from).toBeLessThanOrEqual(MIB);
    expect(held.stderr.to - held.stderr.from).toBeLessThanOrEqual(MIB);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
  // Read at last, it flows on: nothing was lost at the stop.
  const [first, ...rest] = programs;
  let read = 0;
  for await (const item of first?.output() ?? []) {
    if (item.kind !== "output" || item.stream !== "stdout") continue;
    expect(item.offset).toBe(read);
    read += item.data.length;
    first?.ack("stdout", read);
    if (read > 8 * MIB) break;
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(96 * MIB);
  for (const program of [first, ...rest]) await program?.signal("SIGKILL", "tree");
  await stillWorks(sandbox);
});
