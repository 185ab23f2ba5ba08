import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import { BubblewrapDriver } from "../../packages/glovebox/src/sandbox/bubblewrap/index.ts";
import type { Sandbox, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { type Case, type Measurement, timeEach } from "../harness.ts";

const run = promisify(execFile);
const FILES = 1_000;
const FILE_BYTES = 102_400;
const ROUNDS = 5;
const FORKS = 10;

interface Bench extends AsyncDisposable {
  readonly driver: BubblewrapDriver;
  readonly sandbox: Sandbox;
  readonly workspace: string;
  /** A new name in the bench's folder. */
  place(): string;
  spec(): SandboxSpec;
}

/** A sandbox whose workspace holds 1,000 files, 100 MB. */
async function openBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  const driver = new BubblewrapDriver({ runDir: join(folder, "run") });
  const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
  const limits = { cpus, memoryMb, pids, openFiles, diskMb };
  const place = () => join(folder, newId());
  const spec = () => ({ id: newId(), workspaceDir: place(), limits, allowPartial: true, env: {}, languages: [] });
  const first = spec();
  const data = Buffer.allocUnsafe(FILE_BYTES);
  for (let i = 0; i < FILES; i += 1) {
    const dir = join(first.workspaceDir, `d${i % 20}`);
    await mkdir(dir, { recursive: true });
    // No two alike, and no zeros: nothing that could be shared or left out.
    for (let at = 0; at < FILE_BYTES; at += 4) data.writeUInt32LE(((i * 31 + at) % 0xffff_fffe) + 1, at);
    await writeFile(join(dir, `f${i}`), data);
  }
  const sandbox = await driver.create(first);
  return {
    driver,
    sandbox,
    workspace: first.workspaceDir,
    place,
    spec,
    [Symbol.asyncDispose]: async () => {
      await sandbox.destroy();
      await driver[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the same copy costs without hashes, freezing and the wait for the disk. */
async function copy(from: string, to: string): Promise<void> {
  await run("cp", ["-a", "--reflink=auto", from, to]);
}

async function compare(bench: Bench, work: () => Promise<() => Promise<void>>, repeat = 1): Promise<Measurement> {
  const samples: number[] = [];
  const floor: number[] = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    let undo: (() => Promise<void>) | undefined;
    const [ms = 0] = await timeEach(1, 0, async () => {
      undo = await work();
    });
    await undo?.();
    const to = bench.place();
    const [bare = 0] = await timeEach(1, 0, async () => {
      for (let i = 0; i < repeat; i += 1) await copy(bench.workspace, `${to}-${i}`);
    });
    for (let i = 0; i < repeat; i += 1) await rm(`${to}-${i}`, { recursive: true });
    if (round < 0) continue;
    samples.push(ms);
    floor.push(bare);
  }
  return {
    samples,
    floor: { name: repeat === 1 ? "cp -a --reflink=auto" : `the same ${repeat} times`, samples: floor },
  };
}

const removal = (dir: string) => () => rm(dir, { recursive: true });

/** The first snapshot of 1,000 files, 100 MB: hashed, and on the disk when it answers. */
const first: Case = {
  name: "snapshot.files.first",
  unit: "ms",
  async run() {
    await using bench = await openBench();
    return await compare(bench, async () => {
      const dir = bench.place();
      await bench.sandbox.snapshot({ dir });
      return removal(dir);
    });
  },
};

/** The next one, when nothing has changed. */
const next: Case = {
  name: "snapshot.files.next",
  unit: "ms",
  async run() {
    await using bench = await openBench();
    const base = bench.place();
    await bench.sandbox.snapshot({ dir: base });
    return await compare(bench, async () => {
      const dir = bench.place();
      await bench.sandbox.snapshot({ dir, base });
      return removal(dir);
    });
  },
};

/** From a snapshot to a sandbox that answers: what a rollback waits for. */
const restore: Case = {
  name: "snapshot.files.restore",
  unit: "ms",
  async run() {
    await using bench = await openBench();
    const dir = bench.place();
    await bench.sandbox.snapshot({ dir });
    return await compare(bench, async () => {
      const spec = bench.spec();
      const sandbox = await bench.driver.restore(dir, spec);
      return async () => {
        await sandbox.destroy();
        await rm(spec.workspaceDir, { recursive: true });
      };
    });
  },
};

/** Ten sandboxes with the same 100 MB each. */
const fork: Case = {
  name: "snapshot.files.fork10",
  unit: "ms",
  async run() {
    await using bench = await openBench();
    return await compare(
      bench,
      async () => {
        const specs = Array.from({ length: FORKS }, () => bench.spec());
        const { sandboxes } = await bench.sandbox.fork(specs);
        return async () => {
          for (const sandbox of sandboxes) await sandbox.destroy();
          for (const { workspaceDir } of specs) await rm(workspaceDir, { recursive: true });
        };
      },
      FORKS,
    );
  },
};

export const snapshots: readonly Case[] = [first, next, restore, fork];
