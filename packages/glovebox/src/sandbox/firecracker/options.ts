import type { Logger } from "../../core/index.ts";
import type { Images } from "../images/index.ts";

export interface FirecrackerOptions {
  /** Folder of run folders, one per machine: jails, status files. Made 0700; on a file system that allows device nodes. */
  readonly runDir: string;
  /** What machines are made from: kernel, disks. Default: that of the microVM driver, which is shared. */
  readonly cacheDir?: string;
  /** Where the native programs lie. Default: see `defaultNativeDir`. */
  readonly nativeDir?: string;
  /** The language kernels. Default: `kernels/` of the repository. */
  readonly kernelsDir?: string;
  /** Node for guests. Default: the one that runs the server. */
  readonly nodePath?: string;
  /** Root images. Default: those of the repository's definitions, in their usual folder. */
  readonly images?: Images;
  /** The root image of sandboxes. Default `base`. */
  readonly image?: string;
  /** First uid on the host that machines get, one each. Default: from 2,000,000, by `runDir`. */
  readonly uidBase?: number;
  readonly logger?: Logger;
}
