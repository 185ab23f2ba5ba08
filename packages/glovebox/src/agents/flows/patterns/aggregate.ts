import { canonicalJson, GloveboxError } from "../../../core/index.ts";
import type { ProgramContext } from "../../../engine/index.ts";
import { inside, type Worker } from "./worker.ts";

/** What came of one branch. */
export interface BranchResult<Out> {
  readonly branch: string;
  readonly result: Out;
}

/** Makes one thing of what branches came to; they are in the order in which they were declared, however they ended. */
export type Aggregate<Out, All> = (context: ProgramContext, results: readonly BranchResult<Out>[]) => Promise<All>;

/** All texts, each under its branch's name. */
export function concatenation<Out>(text: (result: Out) => string): Aggregate<Out, string> {
  return async (_context, results) =>
    results.map(({ branch, result }) => `## ${branch}\n\n${text(result)}`).join("\n\n");
}

export interface Chosen<Out> extends BranchResult<Out> {
  readonly score: number;
}

/** The one with the highest score; among equals the first. A score that is no number loses. */
export function best<Out>(score: (result: Out, branch: string) => number): Aggregate<Out, Chosen<Out>> {
  return async (_context, results) => {
    let chosen: Chosen<Out> | undefined;
    for (const one of results) {
      const points = score(one.result, one.branch);
      if (Number.isNaN(points)) continue;
      if (chosen === undefined || points > chosen.score) chosen = { ...one, score: points };
    }
    if (chosen === undefined) throw new GloveboxError("invalid_argument", "none of the branches has a score");
    return chosen;
  };
}

export interface Vote {
  readonly value: unknown;
  readonly votes: number;
  readonly of: number;
  /** More than half were for it. */
  readonly isMajority: boolean;
}

/** What most branches say, compared as JSON; among equals what was said first. */
export function vote<Out>(value: (result: Out) => unknown): Aggregate<Out, Vote> {
  return async (_context, results) => {
    const counted = new Map<string, { readonly value: unknown; votes: number }>();
    for (const { result } of results) {
      const said = value(result) ?? null;
      const key = canonicalJson(said);
      const known = counted.get(key);
      if (known === undefined) counted.set(key, { value: said, votes: 1 });
      else known.votes += 1;
    }
    let most: { readonly value: unknown; votes: number } | undefined;
    for (const one of counted.values()) if (most === undefined || one.votes > most.votes) most = one;
    if (most === undefined) throw new GloveboxError("invalid_argument", "nobody voted");
    return { ...most, of: results.length, isMajority: most.votes * 2 > results.length };
  };
}

/** Work of its own makes one of all. */
export function synthesis<Out, All>(work: Worker<readonly BranchResult<Out>[], All>): Aggregate<Out, All> {
  return (context, results) => inside(context, "synthesis", (own) => work(own, results));
}
