import type { Isolation } from "../core/index.ts";

/** What a snapshot holds: the workspace alone, or the whole sandbox with its memory and running processes. */
export type SnapshotKind = "files" | "memory";

export interface SnapshotOptions {
  /** Host folder that takes it. Made by the driver (0700); its parent exists, it does not. */
  readonly dir: string;
  /** Default: the most that the driver can (`DriverCapabilities.snapshot`). */
  readonly kind?: SnapshotKind;
  /** Folder of an earlier snapshot on the same file system, with which a driver may share what is the same. Either can be removed without harm to the other. */
  readonly base?: string;
  readonly signal?: AbortSignal;
}

/** What lies in a snapshot's folder, as its `manifest.json` says; written and read by `snapshot/manifest.ts`. */
export interface SnapshotManifest {
  /** 1: `sha256` is over every byte of a file; 2: as `snapshot/content-digest.ts` has it. */
  readonly version: 1 | 2;
  readonly isolation: Isolation;
  readonly kind: SnapshotKind;
  /** Unix milliseconds. */
  readonly takenAtMs: number;
  /** What must be the same where it is restored: builds, accelerator, CPU model, kernel, image, agent. Empty for files. */
  readonly compatibility: Readonly<Record<string, string>>;
  /** Every other file in the folder, by its name, with its length in bytes and SHA-256 in hex. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** The driver's own. Versioned by `compatibility`; never trusted further than it is checked. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ForkReport<T> {
  /** As many as were asked for, in their order. */
  readonly sandboxes: readonly T[];
  /** `shared`: they share what they do not change with the parent's image; `copied`: each has a copy of all. */
  readonly path: "shared" | "copied";
  /** How long the parent stood still, milliseconds. */
  readonly silentMs: number;
}

export interface PauseOptions {
  /** Give the memory back, too, and keep all on disk. Default false: it only stops using CPU. */
  readonly release?: boolean;
  readonly signal?: AbortSignal;
}
