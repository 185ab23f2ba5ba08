import type { Image, ImageEntry, ImageWorkOptions } from "./image.ts";

export interface ImportOptions extends ImageWorkOptions {
  /** Default: what the image calls itself. */
  readonly name?: string;
  /** Whether an image of that name gives way. Default false. */
  readonly replace?: boolean;
}

/** Root images for sandboxes with a kernel of their own. */
export interface Images {
  /**
   * The image of that name, built when there is none of its definition as it is now. Who asks meanwhile, in this process or another, waits.
   * What was imported stands for its name until it is removed or built over. Errors: `not_found`, `invalid_argument` (a definition),
   * `unavailable` (a tool is missing or fails), `language_unavailable`, `resource_exhausted` (no space), `cancelled`, `timeout`.
   */
  ensure(name: string, work?: ImageWorkOptions): Promise<Image>;
  /** As `ensure`, but always builds, with the packages that Debian has now. */
  build(name: string, work?: ImageWorkOptions): Promise<Image>;
  /** Every name that is defined or there, sorted. */
  list(): Promise<readonly ImageEntry[]>;
  /** Errors: `not_found`. */
  show(name: string): Promise<ImageEntry>;
  /** Forgets an image; what no other name stands for is deleted. Sandboxes that run from it go on. Errors: `not_found`. */
  remove(name: string, work?: Pick<ImageWorkOptions, "signal">): Promise<void>;
  /** Writes an image as an OCI archive to `path`, which must not exist. Errors: `not_found`, `already_exists`, `resource_exhausted`, … */
  exportTo(name: string, path: string, work?: ImageWorkOptions): Promise<void>;
  /**
   * Takes the image of an OCI layout (a folder) or archive (tar, plain or compressed). Everything in it is held to be hostile: no name in it becomes
   * one of the host. Errors: `invalid_argument`, `already_exists`, `payload_too_large`, `resource_exhausted`, `unavailable`, `cancelled`.
   */
  importFrom(path: string, options?: ImportOptions): Promise<Image>;
}
