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
  readonly logger?: Logger;
}
