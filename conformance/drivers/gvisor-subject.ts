import { mkdtempSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GvisorDriver, type GvisorOptions } from "../../packages/glovebox/src/sandbox/gvisor/index.ts";
import { cgroupsOf, processesOf } from "./bubblewrap-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** The gvisor driver over a folder of its own. */
export function makeGvisorSubject(options: Partial<GvisorOptions> = {}): DriverSubject {
  const baseDir = mkdtempSync(join(tmpdir(), "glovebox-gvisor-"));
  const runDir = join(baseDir, "run");
  const uidBase = 2_000_000_000 + (process.pid % 2_000) * 65_536;
  const make = () => new GvisorDriver({ runDir, uidBase, waiting: 0, ...options });
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
