import type { Language } from "../../core/index.ts";

/** What an image came from: a definition of this installation, or an OCI image, be it one that `exportTo` wrote. */
export type ImageOrigin = "definition" | "import";

/** A root file system for sandboxes with a kernel of their own. */
export interface Image {
  readonly name: string;
  /** SHA-256, in hexadecimal, over the definition (if it has one) and the content. */
  readonly id: string;
  /** Absolute path of a squashfs (lz4) on the host, which nobody changes. */
  readonly rootfs: string;
  /** What was found in it; kernels are the host's, see `kernels/`. */
  readonly languages: readonly Language[];
  /** Of the squashfs. */
  readonly sizeBytes: number;
  readonly origin: ImageOrigin;
  readonly description: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** A name that an image has or can have. */
export interface ImageEntry {
  readonly name: string;
  readonly description: string;
  /** `outdated`: its definition, or what that copies from this host, changed; the next `ensure` builds it anew. `broken`: the definition is invalid or gone. */
  readonly state: "ready" | "outdated" | "absent" | "broken";
  /** Why, where `state` is `broken`. */
  readonly reason?: string;
  readonly image?: Image;
}

/** Where a build is. Reported often; cheap to ignore. */
export interface ImageProgress {
  /** In a word or three: `waiting`, `downloading packages`, `packing`. */
  readonly stage: string;
  /** Of the whole, 0 to 1, never falling; an estimate. */
  readonly fraction: number;
  /** A line that a tool printed. */
  readonly line?: string;
}

export interface ImageWorkOptions {
  /** Ends the work and every process of it. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
}
