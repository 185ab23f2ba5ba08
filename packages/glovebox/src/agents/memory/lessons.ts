import type { ProgramContext } from "../../engine/index.ts";

/** What a run learnt: what failed, and what mended it. */
export interface NewLesson {
  /** What failed, in the words that the next failure of the same cause would have; at most 4,000 characters. */
  readonly failure: string;
  /** What mended it, or was tried in vain; at most 4,000 characters. */
  readonly fix: string;
  readonly worked: boolean;
  /** Which agent found out. */
  readonly agent: string;
  /** What shows it: names of tests, paths, a diff's hash; at most 20 of 500 characters. */
  readonly evidence: readonly string[];
}

export interface RecalledLesson {
  readonly id: string;
  readonly failure: string;
  readonly fix: string;
  readonly worked: boolean;
  /** From 0 to 1: grows with evidence and with help, falls with uses that did not help. */
  readonly confidence: number;
  readonly used: number;
  readonly helped: number;
}

/** Lessons of one tenant, kept over runs. Every method is a step of the context that it is given. */
export interface Lessons {
  /** The lessons nearest to `failure`, best first (step `recall`); default 5, at most 20. They are counted as used. */
  recall(run: ProgramContext, failure: string, limit?: number): Promise<readonly RecalledLesson[]>;
  /** Keeps a lesson, or adds its evidence to the same one (step `learn`). Resolves to its id. */
  learn(run: ProgramContext, lesson: NewLesson): Promise<string>;
  /** Says which recalled lessons were of use (step `helped`). */
  helped(run: ProgramContext, ids: readonly string[]): Promise<void>;
}
