import { MicrovmDriver, type MicrovmOptions } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { folderSubject } from "./folder-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** The microVM driver over a run folder of its own. Kernel, image and templates are those of the checkout: they are made once. */
export function makeMicrovmSubject(options: Partial<MicrovmOptions> = {}): DriverSubject {
  const uidBase = 1_000_000_000 + (process.pid % 10_000) * 65_536;
  return folderSubject("glovebox-vm-", uidBase, (own) => new MicrovmDriver({ ...own, waiting: 0, ...options }));
}
