import type { ProgramContext } from "../../engine/index.ts";

/** A piece of a document of the context store. */
export interface Retrieved {
  readonly id: string;
  readonly kind: string;
  readonly path?: string;
  /** From 1, both included. */
  readonly lines: { readonly start: number; readonly end: number };
  readonly text: string;
  readonly score: number;
}

/** Searches what is known about the project as a step of that name, best first; `limit`: default 10, at most 50. */
export type Retrieve = (
  run: ProgramContext,
  name: string,
  query: string,
  limit?: number,
) => Promise<readonly Retrieved[]>;
