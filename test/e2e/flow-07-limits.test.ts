import { expect, test } from "vitest";
import { eventTypes, outcome, useServer } from "../support/flow.ts";

const stage = useServer();

const LOOPS = [
  { template: "python", language: "python", loop: "while True: pass", keep: "kept = 7", read: "kept" },
  { template: "node", language: "javascript", loop: "while (true) {}", keep: "var kept = 7", read: "kept" },
  {
    template: "node",
    language: "typescript",
    loop: "while (true as boolean) {}",
    keep: "var kept: number = 7",
    read: "kept",
  },
  { template: "bash", language: "bash", loop: "while true; do :; done", keep: "kept=7", read: "echo $kept" },
  { template: "js-isolate", language: "javascript", loop: "while (true) {}", keep: "var kept = 7", read: "kept" },
] as const;

for (const { template, language, loop, keep, read } of LOOPS) {
  test(`${template}, ${language}: an endless loop ends as timeout on time, and the session is usable with its state`, async () => {
    await using session = await stage.box.sessions.create({ template });
    await session.run(keep, { language });
    const result = await session.run(loop, { language, limits: { wallMs: 400 } });
    expect(outcome(result)).toMatchObject({ status: "timeout", exitCode: 124 });
    // Not a bound on speed: it must not have been some later mechanism that stopped it.
    expect(result.execution.metrics.durationMs).toBeLessThan(10_000);
    const after = await session.run(read, { language });
    expect(after.stdout.trim() || String(after.value?.json)).toBe("7");
  });
}

test("rust: an endless loop ends as timeout, compiling not counted", async () => {
  await using session = await stage.box.sessions.create({ template: "rust" });
  await session.files.write("loop.rs", "fn main() { loop { std::hint::spin_loop() } }");
  const result = await session.runFile("loop.rs", { limits: { wallMs: 400 } });
  expect(outcome(result)).toMatchObject({ status: "timeout", exitCode: 124 });
});

test("cpu: a busy loop trips the CPU limit before the wall limit", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const result = await session.run("while True: pass", { limits: { cpuMs: 300, wallMs: 20_000 } });
  expect(outcome(result)).toMatchObject({ status: "cpu_limit", exitCode: 152 });
});

test("memory: code that takes too much ends as memory_limit, and the session goes on", async () => {
  await using session = await stage.box.sessions.create({ template: "python", limits: { memoryMb: 96 } });
  const result = await session.run("blocks = []\nwhile True: blocks.append(bytearray(8 << 20))");
  expect(outcome(result)).toMatchObject({ status: "memory_limit", exitCode: 137 });
  expect((await session.run("6 * 7")).value?.json).toBe(42);
});

test("memory: many children together are held to the limit too", async () => {
  await using session = await stage.box.sessions.create({ template: "python", limits: { memoryMb: 128 } });
  const child = "x = b'x' * (60 << 20); import time; time.sleep(20)";
  const code = `import subprocess, sys\nps = [subprocess.Popen([sys.executable, "-c", ${JSON.stringify(child)}]) for _ in range(4)]\n[p.wait() for p in ps]`;
  const result = await session.run(code, { limits: { wallMs: 15_000 } });
  // The kernel picks its victims: the code itself ends as memory_limit, or it goes on without them and is told.
  expect(JSON.stringify([result.execution.status, result.events])).toContain("memory_limit");
});

test("memory in isolate: the engine dies alone", async () => {
  await using session = await stage.box.sessions.create({ template: "js-isolate", limits: { memoryMb: 64 } });
  const result = await session.run("const a = []; for (;;) a.push(new Array(100000).fill(a.length))");
  expect(["memory_limit", "error"]).toContain(result.execution.status);
  expect((await session.run("6 * 7")).value?.json).toBe(42);
});

test("events: one too many stops the work during the run", async () => {
  await using session = await stage.box.sessions.create({ template: "node" });
  const code = "for (let i = 0; ; i++) console.log(i)";
  const result = await session.run(code, { limits: { maxEvents: 200, wallMs: 20_000 } });
  expect(outcome(result)).toMatchObject({ status: "events_limit", exitCode: 153 });
  expect(result.events.length).toBeLessThanOrEqual(210);
});

test("output: cut at the limit and marked once while the program runs on; exactly at the limit is not marked", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const limits = { outputBytes: 1000 };
  const exact = await session.run("print('x' * 999)", { limits });
  expect(exact.stdout).toHaveLength(1000);
  expect(eventTypes(exact)).not.toContain("system");
  const over = await session.run("print('é' * 5000)\n'went on'", { limits });
  expect(outcome(over).status).toBe("ok");
  expect(over.value?.json).toBe("went on");
  expect(over.stdout).toBe("é".repeat(500));
  expect(over.execution.metrics.truncated).toEqual({ stdout: true, stderr: false });
  expect(eventTypes(over).filter((type) => type === "system")).toHaveLength(1);
});

test("output: a template may say stop instead", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const result = await session.run("while True: print('x' * 100)", {
    limits: { outputBytes: 5000 },
    onOutputLimit: "stop",
  });
  expect(outcome(result)).toMatchObject({ status: "output_limit", exitCode: 153 });
});

test("pids: a fork bomb is held, and the session goes on", async () => {
  await using session = await stage.box.sessions.create({ template: "bash", limits: { pids: 40 } });
  const result = await session.run(":(){ :|:& };: ; sleep 30", { limits: { wallMs: 1500 } });
  expect(["timeout", "error", "killed"]).toContain(result.execution.status);
  expect((await session.run("echo alive")).stdout).toBe("alive\n");
});

test("disk: filling the workspace is stopped", async () => {
  await using session = await stage.box.sessions.create({ template: "python", limits: { diskMb: 16 } });
  const code =
    "f = open('big', 'wb')\nfor _ in range(400):\n    f.write(b'x' * (1 << 20))\n    f.flush()\nprint('all written')";
  const result = await session.run(code, { limits: { wallMs: 20_000 } });
  expect(result.stdout).not.toContain("all written");
  expect(result.execution.status).not.toBe("ok");
});

test("open files: the limit is felt inside", async () => {
  await using session = await stage.box.sessions.create({ template: "python", limits: { openFiles: 64 } });
  const result = await session.run("fs = []\nwhile True: fs.append(open('/dev/null'))");
  expect(result.exception?.name).toBe("OSError");
});

test("the session reports for each limit what was asked, what was applied, and how", async () => {
  await using session = await stage.box.sessions.create({ template: "python", limits: { memoryMb: 200, pids: 77 } });
  const applied = new Map(session.info.limitsApplied.map((limit) => [limit.limit, limit]));
  expect([...applied.keys()]).toEqual(expect.arrayContaining(["cpus", "memoryMb", "pids", "openFiles", "diskMb"]));
  expect(applied.get("memoryMb")).toMatchObject({ requested: 200, applied: 200 });
  expect(applied.get("pids")).toMatchObject({ requested: 77, applied: 77 });
});
