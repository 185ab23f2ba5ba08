import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeBubblewrapSubject } from "../../conformance/drivers/bubblewrap-subject.ts";
import { makeGvisorSubject } from "../../conformance/drivers/gvisor-subject.ts";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import type { IsolationDriver, Sandbox } from "../../packages/glovebox/src/sandbox/index.ts";
import { IsolateDriver } from "../../packages/glovebox/src/sandbox/isolate/index.ts";

/** Creates and destroys of each driver; a thousand in `make test-all`. microVMs have theirs in `conformance/drivers/microvm-machines.test.ts`. */
const ALL = process.env.GLOVEBOX_TESTS === "all";
const CYCLES = Number(process.env.GLOVEBOX_TEST_LEAK_CYCLES ?? (ALL ? 1_000 : 200));
/** gVisor takes ten times as long for each. */
const SLOW_CYCLES = ALL ? CYCLES : Math.ceil(CYCLES / 10);
const AT_ONCE = 4;
const WAITING = 2;
/** Caches fill and the heap finds its size before anything is compared. */
const WARM_UP = Math.min(40, CYCLES);
const MIB = 1 << 20;

/** What this process holds of the host. */
interface Holdings {
  readonly descriptors: number;
  readonly sockets: number;
  /** Supervisors are started by a process of ours. */
  readonly descendants: number;
  readonly threads: number;
  readonly mounts: number;
  readonly handles: number;
}

function descendants(pid: number): number {
  try {
    const kids = readdirSync(`/proc/${pid}/task`).map((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, "utf8"),
    );
    const pids = kids.join(" ").split(" ").filter(Boolean).map(Number);
    return pids.reduce((sum, child) => sum + 1 + descendants(child), 0);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

function holdings(): Holdings {
  const status = readFileSync("/proc/self/status", "utf8");
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    sockets: process.getActiveResourcesInfo().filter((name) => /Socket|Pipe/.test(name)).length,
    descendants: descendants(process.pid),
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
    handles: process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate").length,
  };
}

async function cycles(count: number, driver: IsolationDriver, use: (sandbox: Sandbox) => Promise<void>) {
  const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
  let left = count;
  const worker = async () => {
    const workspaceDir = await workspace();
    while (left > 0) {
      left -= 1;
      const limits = { cpus, memoryMb, pids, openFiles, diskMb };
      const spec = { id: newId(), workspaceDir, limits, allowPartial: true, env: {}, languages: [] };
      const sandbox = await driver.create(spec);
      try {
        // Most are only made and ended; some are ended in the middle of work.
        if (left % 5 === 0) await use(sandbox);
      } finally {
        await sandbox.destroy();
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Settles what is on its way, then compares. */
async function expectNothingMore(before: Holdings): Promise<void> {
  const more = () => {
    const now = holdings();
    return Object.entries(now).filter(([name, value]) => value > before[name as keyof Holdings]);
  };
  await expect.poll(more, { timeout: 15_000, interval: 100 }).toEqual([]);
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
async function workspace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-leaks-"));
  folders.push(folder);
  return folder;
}

const SUBJECTS = [
  { isolation: "bubblewrap", make: () => makeBubblewrapSubject({ waiting: WAITING }), count: CYCLES },
  { isolation: "gvisor", make: () => makeGvisorSubject({ waiting: WAITING }), count: SLOW_CYCLES },
] as const;

describe("creates and destroys leave nothing behind", { timeout: 600_000 + (ALL ? CYCLES * 3_000 : 0) }, () => {
  test.for(SUBJECTS)("$count in $isolation", async ({ isolation, make, count }, { skip }) => {
    const subject = make();
    try {
      const probed = await subject.driver.probe();
      if (!probed.available) return skip(`isolation ${isolation}: ${probed.reason}`);
      const use = async (sandbox: Sandbox) => {
        const argv = ["/bin/sh", "-c", "sleep 60 & echo x > /tmp/x; (setsid sleep 60 &); sleep 60"];
        const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
        program.release();
      };
      const run = (times: number) => cycles(times, subject.driver, use);
      await run(Math.min(WARM_UP, count));
      // What the driver keeps ready is there before and after.
      const ready = async () => (await subject.leftovers()).filter((line) => /^folder waiting-/.test(line)).length;
      await expect.poll(ready, { timeout: 15_000 }).toBe(WAITING);
      const before = holdings();
      const memory = heap();
      const waiting = async () =>
        (await subject.leftovers()).filter((line) => /^folder (?!waiting-|launcher-)/.test(line));
      await run(count);
      await expectNothingMore(before);
      expect(heap() - memory).toBeLessThan(96 * MIB);
      expect(await waiting()).toEqual([]);
      await subject.driver[Symbol.asyncDispose]();
      await expect.poll(() => subject.leftovers(), { timeout: 15_000 }).toEqual([]);
    } finally {
      await subject.dispose();
    }
  });

  test(`${CYCLES} in isolate`, async () => {
    await using driver = new IsolateDriver({ warmWorkers: 2 });
    await driver.warmUp();
    const use = async (sandbox: Sandbox) => {
      const kernel = await sandbox.spawn({ kind: "kernel", language: "javascript" });
      for await (const item of kernel.output()) if (item.kind === "output") break;
    };
    const run = (count: number) => cycles(count, driver, use);
    await run(WARM_UP);
    const before = holdings();
    const memory = heap();
    await run(CYCLES);
    await expectNothingMore(before);
    expect(heap() - memory).toBeLessThan(192 * MIB);
  });
});
