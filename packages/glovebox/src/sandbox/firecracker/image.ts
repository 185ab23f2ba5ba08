import type { GuestFacts } from "./record.ts";

/** The files of an image, and of a snapshot's folder. */
export const IMAGE_FILES = {
  memory: "memory",
  state: "state",
  workspace: "workspace",
  archive: "workspace.tar",
} as const;

/** A machine as it was at one moment. */
export interface LiveImage {
  readonly dir: string;
  readonly facts: GuestFacts;
  /** Of the connection that its agent knows last. */
  readonly epoch: bigint;
}
