import { mkdtempSync } from "node:fs";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BubblewrapDriver, type BubblewrapOptions } from "../../packages/glovebox/src/sandbox/index.ts";
import type { DriverSubject } from "./subject.ts";

/** The bubblewrap driver over a folder of its own. */
export function makeBubblewrapSubject(options: Partial<BubblewrapOptions> = {}): DriverSubject {
  const baseDir = mkdtempSync(join(tmpdir(), "glovebox-bwrap-"));
  const runDir = join(baseDir, "run");
  const uidBase = 1_000_000_000 + (process.pid % 10_000) * 65_536;
  const make = () => new BubblewrapDriver({ runDir, uidBase, waiting: 0, ...options });
  const driver = make();
  return {
    driver,
    baseDir,
    again: make,
    async leftovers() {
      const folders = (await readdir(runDir).catch(() => [])).map((name) => `folder ${name}`);
      return [...folders, ...(await processesOf(baseDir, uidBase)), ...(await cgroupsOf(runDir))].sort();
    },
    async dispose() {
      await driver.sweep(new Set());
      await driver[Symbol.asyncDispose]();
      await rm(baseDir, { recursive: true, force: true });
    },
  };
}

/** Processes that run under one of our uids, or that name our folder: supervisors, bwrap, and what is inside. */
export async function processesOf(baseDir: string, uidBase: number): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      if (/^State:\s+[ZX]/m.test(status)) continue;
      const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
      const words = await readFile(`/proc/${pid}/cmdline`, "utf8");
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      const ours = (uid >= uidBase && uid < uidBase + 65_536) || words.includes(baseDir) || cwd.startsWith(baseDir);
      if (ours) found.push(`process ${pid} ${words.split("\0")[0]}`);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

export async function cgroupsOf(runDir: string): Promise<string[]> {
  const { createHash } = await import("node:crypto");
  const { detectCgroups } = await import("../../packages/glovebox/src/sandbox/cgroup/index.ts");
  const prefix = createHash("sha256").update(runDir).digest("hex").slice(0, 8);
  const found: string[] = [];
  for (const { dir } of detectCgroups().parents) {
    for (const name of await readdir(dir)) if (name.startsWith(`${prefix}-`)) found.push(`cgroup ${dir}/${name}`);
  }
  return found;
}
