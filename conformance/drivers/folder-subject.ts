import { mkdtempSync } from "node:fs";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IsolationDriver } from "../../packages/glovebox/src/sandbox/index.ts";
import type { DriverSubject } from "./subject.ts";

/** A driver with processes on the host, over a folder of its own. `prefix`: of the folder's name. Uids are the 65,536 from `uidBase` on. */
export function folderSubject(
  prefix: string,
  uidBase: number,
  open: (options: { readonly runDir: string; readonly uidBase: number }) => IsolationDriver & {
    sweep(keep: ReadonlySet<string>): Promise<unknown>;
    /** Resolves when it does nothing any more that is nobody's sandbox. */
    settled?(): Promise<void>;
  },
): DriverSubject {
  const baseDir = mkdtempSync(join(tmpdir(), prefix));
  const runDir = join(baseDir, "run");
  const make = () => open({ runDir, uidBase });
  const driver = make();
  return {
    driver,
    baseDir,
    again: make,
    async leftovers() {
      await driver.settled?.();
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
async function processesOf(baseDir: string, uidBase: number): Promise<string[]> {
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

/** Cgroups of sandboxes of that run folder. */
async function cgroupsOf(runDir: string): Promise<string[]> {
  const { createHash } = await import("node:crypto");
  const { detectCgroups } = await import("../../packages/glovebox/src/sandbox/cgroup/index.ts");
  const prefix = createHash("sha256").update(runDir).digest("hex").slice(0, 8);
  const found: string[] = [];
  for (const { dir } of detectCgroups().parents) {
    for (const name of await readdir(dir)) if (name.startsWith(`${prefix}-`)) found.push(`cgroup ${dir}/${name}`);
  }
  return found;
}
