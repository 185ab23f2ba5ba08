import type { Program } from "../engine/index.ts";
import type { RunDocuments } from "./documents.ts";
import type { Sandboxes } from "./sandboxes.ts";

/** What programs may use besides their context. */
export interface ProgramHost {
  readonly sandboxes: Sandboxes;
  /** The context store. */
  readonly documents: RunDocuments;
}

/** The default export of a module of programs. */
// biome-ignore lint/suspicious/noExplicitAny: a program's own input and output are its business; the engine checks both with its schemas
export type ProgramModule = (host: ProgramHost) => readonly Program<any, any>[];
