import type { Language } from "./isolation.ts";

/** A root file system for sandboxes with a kernel of their own. */
export interface Image {
  readonly name: string;
  /** SHA-256 over definition and content. */
  readonly id: string;
  readonly languages: readonly Language[];
  readonly sizeBytes: number;
  readonly origin: "definition" | "import";
  readonly description: string;
  readonly createdAt: string;
}

/** A name that an image has or can have. */
export interface ImageEntry {
  readonly name: string;
  readonly description: string;
  /** `outdated`: built anew when it is next asked for. `broken`: for `reason`. */
  readonly state: "ready" | "outdated" | "absent" | "broken";
  readonly reason?: string;
  readonly image?: Image;
}

export interface ImageProgress {
  /** In a word or three: `downloading packages`. */
  readonly stage: string;
  /** Of the whole, 0 to 1. */
  readonly fraction: number;
  /** A line that a tool printed. */
  readonly line?: string;
}
