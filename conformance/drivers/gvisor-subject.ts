import { GvisorDriver, type GvisorOptions } from "../../packages/glovebox/src/sandbox/gvisor/index.ts";
import { folderSubject } from "./folder-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** The gvisor driver over a folder of its own. */
export function makeGvisorSubject(options: Partial<GvisorOptions> = {}): DriverSubject {
  const uidBase = 2_000_000_000 + (process.pid % 2_000) * 65_536;
  return folderSubject("glovebox-gvisor-", uidBase, (own) => new GvisorDriver({ ...own, waiting: 0, ...options }));
}
