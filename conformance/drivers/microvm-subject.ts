import { mkdtempSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MicrovmDriver, type MicrovmOptions } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { cgroupsOf, processesOf } from "./bubblewrap-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** The microVM driver over a run folder of its own. Kernel, image and templates are those of the checkout: they are made once. */
export function makeMicrovmSubject(options: Partial<MicrovmOptions> = {}): DriverSubject {
  const baseDir = mkdtempSync(join(tmpdir(), "glovebox-vm-"));
  const runDir = join(baseDir, "run");
  const uidBase = 1_000_000_000 + (process.pid % 10_000) * 65_536;
  const make = () => new MicrovmDriver({ runDir, uidBase, waiting: 0, ...options });
  const driver = make();
  return {
    driver,
    baseDir,
    again: make,
    async leftovers() {
      // A machine that becomes a template is nobody's sandbox.
      await driver.settled();
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
