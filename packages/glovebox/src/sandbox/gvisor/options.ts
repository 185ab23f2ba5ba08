import type { Logger } from "../../core/index.ts";

export interface GvisorOptions {
  /** Folder of run folders, one per sandbox: sockets and status files. Made 0700. Not that of another driver. */
  readonly runDir: string;
  /** Where the native programs and the root image lie. Default: see `defaultNativeDir`. */
  readonly nativeDir?: string;
  /** The language kernels, seen in the sandbox at `/glovebox/kernels`. Default: `kernels/` of the repository. */
  readonly kernelsDir?: string;
  /** Node for sandboxes. Default: the one that runs the server. */
  readonly nodePath?: string;
  /** First uid on the host that sandboxes get, three each. Default: from 2,000,000, by `runDir`. */
  readonly uidBase?: number;
  /** Supervisors kept waiting. Default 1; 0 for a program that starts one sandbox and ends. */
  readonly waiting?: number;
  /**
   * How many starts of runsc wait for a checkpoint, for each of the two kinds of sandboxes that were last restored, forked or saved with their memory: with one, a
   * restore takes half the time. They hold some 18 MiB each, end when they are not used for five minutes, and none is begun while less
   * than a tenth of the host's memory is free. Default 1; 0: none.
   */
  readonly waitingRestores?: number;
  readonly logger?: Logger;
}
