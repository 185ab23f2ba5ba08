import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import { IsolateDriver } from "../../packages/glovebox/src/sandbox/isolate/index.ts";
import { encodeKernelRequest } from "../../packages/glovebox/src/sandbox/kernel/index.ts";
import type { Case } from "../harness.ts";
import { bareQuickJs } from "./sessions.ts";

const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
const LIMITS = { cpus, memoryMb, pids, openFiles, diskMb };

/** Makes a sandbox, gets the first value out of it, destroys it; milliseconds until the value was there. */
async function firstValue(driver: IsolateDriver, workspaceDir: string): Promise<number> {
  const start = performance.now();
  const spec = {
    id: newId(),
    workspaceDir,
    limits: LIMITS,
    allowPartial: false,
    env: {},
    languages: ["javascript"] as const,
  };
  await using sandbox = await driver.create(spec);
  const kernel = await sandbox.spawn({ kind: "kernel", language: "javascript" });
  const request = { id: "1", mode: "repl", source: "20+22", language: "javascript", args: [], env: {} } as const;
  await kernel.writeControl(encodeKernelRequest(request));
  let text = "";
  for await (const item of kernel.output()) {
    if (item.kind !== "output") continue;
    text += Buffer.from(item.data).toString();
    kernel.ack(item.stream, item.offset + item.data.length);
    if (text.includes('"json":42')) return performance.now() - start;
  }
  throw new Error(`no value came: ${text}`);
}

async function inFolder(work: (folder: string) => Promise<number[]>): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In this process, with a warm worker waiting. The pause between lets the next worker get warm, as between real sessions. */
export const isolateWarm: Case = {
  name: "library.isolate.first-value",
  unit: "ms",
  target: { better: "lower", p50: 2 },
  async run() {
    const samples = await inFolder(async (folder) => {
      await using driver = new IsolateDriver({ warmWorkers: 2 });
      await driver.warmUp();
      const times: number[] = [];
      for (let i = -5; i < 60; i += 1) {
        const ms = await firstValue(driver, folder);
        if (i >= 0) times.push(ms);
        await new Promise((done) => setTimeout(done, 150));
      }
      return times;
    });
    return { samples, floor: { name: "QuickJS instance + context", samples: await bareQuickJs() } };
  },
};

/** With no worker waiting: its thread and its WebAssembly instance are on the path. */
export const isolateCold: Case = {
  name: "library.isolate.first-value.cold",
  unit: "ms",
  target: { better: "lower", p50: 60 },
  async run() {
    const samples = await inFolder(async (folder) => {
      await using driver = new IsolateDriver({ warmWorkers: 0 });
      const times: number[] = [];
      for (let i = -2; i < 20; i += 1) {
        const ms = await firstValue(driver, folder);
        if (i >= 0) times.push(ms);
      }
      return times;
    });
    return { samples, floor: { name: "QuickJS instance + context", samples: await bareQuickJs() } };
  },
};
