import { dirname, join } from "node:path";
import type { Logger } from "../../core/index.ts";
import type { Images } from "../images/index.ts";
import { defaultNativeDir } from "../native/index.ts";

export interface MicrovmOptions {
  /** Folder of run folders, one per machine: sockets, status files, disks. Made 0700. */
  readonly runDir: string;
  /** What machines are made from: kernel, disks, templates. Shared by servers; default: `microvm` beside the native programs. */
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
  /** First uid on the host that machines get, one each, when the server is root. Default: from 2,000,000, by `runDir`. */
  readonly uidBase?: number;
  /** Supervisors kept waiting. Default 1. */
  readonly waiting?: number;
  /** How much disk snapshots of fresh machines may take together, bytes. Default 4 GiB. */
  readonly templateBytes?: number;
  /**
   * What machines are copied from. Default `process`: a QEMU that stands ready, for each template in use, where there is no KVM; and a machine itself when it is forked. `files`: always
   * the files of the template or of an image, for who makes one machine and goes. What no process can be had for comes from files in any case.
   */
  readonly copies?: "process" | "files";
  readonly logger?: Logger;
}

export function defaultCacheDir(): string {
  return join(dirname(defaultNativeDir()), "microvm");
}
