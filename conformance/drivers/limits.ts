import { expect, test } from "vitest";
import type { SessionLimits } from "../../packages/glovebox/src/core/index.ts";
import { LIMITS, makeSandbox, python, type SuiteContext, shell } from "./subject.ts";

/** Every test ends by asking the sandbox for more: a limit that trips must not take it along. */
export function limitTests(context: () => SuiteContext): void {
  const has = (limit: keyof SessionLimits) => context().capabilities.limits.includes(limit);

  test("every limit is reported with how it is held", async () => {
    await using sandbox = await makeSandbox(context());
    for (const limit of context().capabilities.limits) {
      const applied = sandbox.limitsApplied.find((candidate) => candidate.limit === limit);
      expect(applied, limit).toMatchObject({ requested: LIMITS[limit] });
      expect(applied?.applied, limit).not.toBeNull();
    }
    expect(sandbox.limitsApplied.map((applied) => applied.limit)).toContain("network");
  });

  test("memory is bounded for one process", async ({ skip }) => {
    skip(!has("memoryMb"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, memoryMb: 96 } });
    const eaten = await python(
      sandbox,
      "b = bytearray(300 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('ate')",
    );
    expect(eaten.stdout).toBe("");
    expect(eaten.signal ?? eaten.stderr).toMatch(/SIGKILL|MemoryError/);
    if (eaten.signal) expect((await sandbox.oomKills()) > 0 || eaten.limit === "memory").toBe(true);
    expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
  });

  test("memory is bounded over many processes, each of them small", async ({ skip }) => {
    skip(!has("memoryMb"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, memoryMb: 128 } });
    const script = `
import os, time
kids = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        b = bytearray(60 << 20)
        for i in range(0, len(b), 4096): b[i] = 1
        time.sleep(3)
        os._exit(0)
    kids.append(pid)
print(sum(os.waitstatus_to_exitcode(os.waitpid(k, 0)[1]) == 0 for k in kids))`;
    const { stdout } = await python(sandbox, script);
    // 128 MiB hold two of them at most; where the whole tree was killed nothing is printed.
    expect(Number(stdout.trim() || 0)).toBeLessThanOrEqual(2);
    expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
  });

  test("memory-backed files are bounded", async ({ skip }) => {
    skip(!has("memoryMb"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, memoryMb: 96 } });
    const filled = await shell(
      sandbox,
      "head -c 300m /dev/zero > /tmp/f; head -c 300m /dev/zero > /dev/shm/f; cat /tmp/f /dev/shm/f | wc -c",
    );
    expect(Number(filled.stdout.trim() || 0)).toBeLessThanOrEqual(96 << 20);
    expect((await shell(sandbox, "rm -f /tmp/f /dev/shm/f; echo alive")).stdout).toBe("alive\n");
  });

  test("a fork bomb stays within the number of processes", async ({ skip }) => {
    skip(!has("pids"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, pids: 24 } });
    const script = `
import os, time
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
        n += 1
except OSError as e:
    print('refused', n, flush=True)
else:
    print('unbounded', n, flush=True)`;
    const { stdout } = await python(sandbox, script);
    if (stdout) expect(stdout).toMatch(/^refused \d+/);
    expect(Number(stdout.split(" ")[1] ?? 0)).toBeLessThanOrEqual(24);
    await expect.poll(async () => (await shell(sandbox, "echo alive")).stdout, { timeout: 10_000 }).toBe("alive\n");
  });

  test("open files are bounded, and the bound cannot be raised", async ({ skip }) => {
    skip(!has("openFiles"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, openFiles: 40 } });
    expect((await shell(sandbox, "ulimit -n; ulimit -n 4096 2>/dev/null || echo kept")).stdout).toBe("40\nkept\n");
  });

  test("a share of the CPUs is all there is", async ({ skip }) => {
    skip(!has("cpus"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, cpus: 1 } });
    const script = `
import os, time
# What the interpreter took to start is not of this second and a half.
before = os.times()
kids = [os.fork() for _ in range(1)]
end = time.monotonic() + 1.5
while time.monotonic() < end: pass
if kids[0]: os.wait()
else: os._exit(0)`;
    const [before, begun] = [await sandbox.stats(), performance.now()];
    expect(await python(sandbox, script)).toMatchObject({ code: 0 });
    const [after, tookMs] = [await sandbox.stats(), performance.now() - begun];
    expect((after.cpuMs - before.cpuMs) / tookMs).toBeLessThan(1.5);
  });

  test("the workspace is held to its size", async ({ skip }) => {
    skip(!has("diskMb"));
    await using sandbox = await makeSandbox(context(), { limits: { ...LIMITS, diskMb: 16 } });
    const filled = await shell(sandbox, "while head -c 1m /dev/zero >> /workspace/f; do sleep 0.02; done; echo full");
    expect(filled.limit === "disk" || filled.stdout.includes("full")).toBe(true);
    await sandbox.files.remove("f");
    expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
  });
}
