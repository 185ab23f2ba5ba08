import { BubblewrapDriver, type BubblewrapOptions } from "../../packages/glovebox/src/sandbox/index.ts";
import { folderSubject } from "./folder-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** The bubblewrap driver over a folder of its own. */
export function makeBubblewrapSubject(options: Partial<BubblewrapOptions> = {}): DriverSubject {
  const uidBase = 1_000_000_000 + (process.pid % 10_000) * 65_536;
  return folderSubject("glovebox-bwrap-", uidBase, (own) => new BubblewrapDriver({ ...own, waiting: 0, ...options }));
}
