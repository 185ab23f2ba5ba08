import { GvisorDriver, type GvisorOptions } from "../../packages/glovebox/src/sandbox/gvisor/index.ts";
import { folderSubject } from "./folder-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** What waits for restores to come is no sandbox's, and not what one leaves behind. */
class TidyDriver extends GvisorDriver {
  override settled(): Promise<void> {
    return this.shrink();
  }
}

/** The gvisor driver over a folder of its own. */
export function makeGvisorSubject(options: Partial<GvisorOptions> = {}): DriverSubject {
  const uidBase = 2_000_000_000 + (process.pid % 2_000) * 65_536;
  return folderSubject("glovebox-gvisor-", uidBase, (own) => new TidyDriver({ ...own, waiting: 0, ...options }));
}
