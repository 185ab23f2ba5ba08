import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxProcess, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { encodeKernelRequest, KernelMessageReader } from "../../packages/glovebox/src/sandbox/kernel/index.ts";
import { MicrovmDriver } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { defaultCacheDir } from "../../packages/glovebox/src/sandbox/microvm/options.ts";
import { Boots } from "../boots-microvm.ts";
import { bareKernel, bareRestore } from "../floors-microvm.ts";
import { type Case, NotHere, timeEach } from "../harness.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 15);

const IDLE_KERNEL = "QEMU alone, until its guest's kernel has nothing to run";
const RESTORED = "QEMU alone, from its start until the same saved machine runs";

class Machines implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "glovebox-bench-vm-"));
  readonly driver: MicrovmDriver;

  /** `apart`: with a folder of its own for saved machines. */
  constructor(apart = false) {
    const cacheDir = apart ? join(this.dir, "cache") : defaultCacheDir();
    if (apart)
      cpSync(defaultCacheDir(), cacheDir, { recursive: true, filter: (path) => !/templates|json$/.test(path) });
    this.driver = new MicrovmDriver({ runDir: join(this.dir, "run"), cacheDir, waiting: 2 });
  }

  async spec(more: Partial<SandboxSpec> = {}): Promise<SandboxSpec> {
    const id = newId();
    const workspaceDir = join(this.dir, `ws-${id}`);
    await mkdir(workspaceDir);
    const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits = { cpus, memoryMb, pids, openFiles, diskMb };
    return { id, workspaceDir, limits, allowPartial: true, env: {}, languages: ["python"], ...more };
  }

  /** Makes sure that there is a saved machine with a running Python. */
  async warm(): Promise<void> {
    const probed = await this.driver.probe();
    if (!probed.available) throw new NotHere(probed.reason);
    for (let i = 0; i < 2; i += 1) {
      await (await this.driver.create(await this.spec())).destroy();
      await this.driver.settled();
    }
    await this.driver.warm();
  }

  /** As many restores by QEMU alone as `count` says, milliseconds. `atOnce`: of so many together. */
  async floor(count: number, atOnce = 1): Promise<number[]> {
    const sandbox = await this.driver.create(await this.spec());
    const bare = await Promise.all(Array.from({ length: atOnce }, () => bareRestore(sandbox.record)));
    await sandbox.destroy();
    try {
      return await timeEach(count, 1, async () => void (await Promise.all(bare.map((one) => one.restore()))));
    } finally {
      await Promise.all(bare.map((one) => one[Symbol.asyncDispose]()));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver.sweep(new Set());
    await this.driver[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Asks a kernel, and resolves with its answer being done. */
async function ask(process: SandboxProcess, source: string): Promise<void> {
  const id = newId();
  const items = process.output()[Symbol.asyncIterator]();
  // Input is acknowledged to who reads.
  let next = items.next();
  await process.writeControl(
    encodeKernelRequest({ id, mode: "repl", source, language: "python", args: [], env: {}, cwd: "/workspace" }),
  );
  const reader = new KernelMessageReader();
  for (;;) {
    const { value: item, done } = await next;
    if (done) throw new Error("the kernel ended");
    if (item.kind === "output") {
      process.ack(item.stream, item.offset + item.data.length);
      const messages = item.stream === "control" ? [...reader.push(Buffer.from(item.data))] : [];
      if (messages.some((message) => message.t === "done" && message.id === id)) return;
    }
    next = items.next();
  }
}

async function firstPrintIn(sandbox: Sandbox): Promise<void> {
  await ask(await sandbox.spawn({ kind: "kernel", language: "python" }), "print(1)");
}

/** From asking for a machine to Python's first answer in it: a copy of a saved one, with nothing pooled. */
const firstPrint: Case = {
  name: "microvm.template.first-print",
  unit: "ms",
  target: { better: "lower", p50: 130, p99: 300 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    const samples: number[] = [];
    for (let i = -2; i < ROUNDS * 2; i += 1) {
      const spec = await machines.spec();
      const start = performance.now();
      const sandbox = await machines.driver.create(spec);
      await firstPrintIn(sandbox);
      if (i >= 0) samples.push(performance.now() - start);
      await sandbox.destroy();
    }
    return { samples, floor: { name: RESTORED, samples: await machines.floor(ROUNDS) } };
  },
};

/** From asking a running machine for one more of itself to Python's first answer in that. */
const fork: Case = {
  name: "microvm.fork.first-answer",
  unit: "ms",
  target: { better: "lower", p50: 150 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    const samples: number[] = [];
    for (let i = -1; i < ROUNDS; i += 1) {
      const parent = await machines.driver.create(await machines.spec({ forkable: true }));
      const kernel = await parent.spawn({ kind: "kernel", language: "python", tag: "k" });
      await ask(kernel, "x = list(range(1000))");
      const spec = await machines.spec();
      const start = performance.now();
      const { sandboxes } = await parent.fork([spec]);
      const [child] = sandboxes;
      const copy = child?.attached.find((process) => process.tag === "k");
      if (!child || !copy) throw new Error("the fork brought no kernel along");
      await ask(copy, "x[-1]");
      if (i >= 0) samples.push(performance.now() - start);
      await child.destroy();
      await parent.destroy();
    }
    return { samples, floor: { name: RESTORED, samples: await machines.floor(ROUNDS) } };
  },
};

/** Ten forks of one machine, at once. */
const tenForks: Case = {
  name: "microvm.fork.ten",
  unit: "ms",
  target: { better: "lower", p50: 1200 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    const samples: number[] = [];
    for (let i = -1; i < 5; i += 1) {
      const parent = await machines.driver.create(await machines.spec({ forkable: true }));
      const specs = await Promise.all(Array.from({ length: 10 }, () => machines.spec()));
      const start = performance.now();
      const { sandboxes } = await parent.fork(specs);
      if (i >= 0) samples.push(performance.now() - start);
      await Promise.all([...sandboxes, parent].map((sandbox) => sandbox.destroy()));
    }
    return { samples, floor: { name: `${RESTORED}, ten at once`, samples: await machines.floor(3, 10) } };
  },
};

/** A fork of a machine without a memory file of its own: all of it is written out, and read by the copy. */
const laterFork: Case = {
  name: "microvm.fork.of-a-clone",
  unit: "ms",
  target: { better: "lower", p50: 300 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    const samples: number[] = [];
    for (let i = -1; i < ROUNDS; i += 1) {
      const parent = await machines.driver.create(await machines.spec());
      const spec = await machines.spec();
      const start = performance.now();
      const { sandboxes } = await parent.fork([spec]);
      if (i >= 0) samples.push(performance.now() - start);
      await Promise.all([...sandboxes, parent].map((sandbox) => sandbox.destroy()));
    }
    return { samples, floor: { name: RESTORED, samples: await machines.floor(ROUNDS) } };
  },
};

/** Memory of idle machines that began as copies of one, each in proportion to how many share a page. */
const memory: Case = {
  name: "microvm.idle.memory",
  unit: "MiB",
  target: { better: "lower", p50: 35 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    const sandboxes = await Promise.all(
      Array.from({ length: 5 }, async () => machines.driver.create(await machines.spec())),
    );
    const samples = await proportionalMemory(machines.dir);
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    return { samples, floor: { name: "QEMU with a machine that never starts", samples: [await bareMemory()] } };
  },
};

/** MiB of a QEMU that does nothing. */
async function bareMemory(): Promise<number> {
  const child = spawn("qemu-system-x86_64", ["-M", "none", "-display", "none", "-S", "-monitor", "stdio"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    return pssOf(String(child.pid)) ?? Number.NaN;
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}

/** From the start of QEMU to the first answer of the agent in a machine that boots. */
const boot: Case = {
  name: "microvm.boot.agent",
  unit: "ms",
  target: { better: "lower", p50: 1600 },
  async run() {
    await using machines = new Machines();
    await machines.warm();
    await using boots = await Boots.open();
    const [samples, floor]: [number[], number[]] = [[], []];
    const kernel = await bareKernel();
    // In turns: what else runs on the host counts for both.
    for (let i = -1; i < ROUNDS; i += 1) {
      const ms = await boots.boot();
      const bare = await timeEach(1, 0, kernel);
      if (i < 0) continue;
      samples.push(ms);
      floor.push(...bare);
    }
    return { samples, floor: { name: IDLE_KERNEL, samples: floor } };
  },
};

/** A machine of a shape that there never was: it boots, is saved, and a copy of it answers. */
const newShape: Case = {
  name: "microvm.boot.first-answer",
  unit: "ms",
  async run() {
    await using machines = new Machines(true);
    await machines.warm();
    const kernel = await bareKernel();
    const samples = await timeEach(ROUNDS / 2, 0, async (index) => {
      const spec = await machines.spec({ languages: [] });
      const limits = { ...spec.limits, memoryMb: spec.limits.memoryMb - 1 - index };
      await (await machines.driver.create({ ...spec, limits })).destroy();
    });
    const floor = {
      name: IDLE_KERNEL,
      samples: await timeEach(5, 1, kernel),
    };
    return { samples, floor };
  },
};

/** MiB of each QEMU whose supervisor works in `dir`. */
async function proportionalMemory(dir: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (!words.includes("qemu-system") || words.includes("bwrap") || !isOurs(pid, dir)) continue;
      const mib = pssOf(pid);
      if (mib !== undefined) found.push(mib);
    } catch {
      // No process, or it ended while we looked.
    }
  }
  return found;
}

function pssOf(pid: string): number | undefined {
  const kib = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

function isOurs(pid: string, dir: string): boolean {
  return readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(dir.split("/").at(-1) ?? dir);
}

export const MICROVM_CASES: readonly Case[] = [firstPrint, fork, tenForks, laterFork, memory, boot, newShape];
