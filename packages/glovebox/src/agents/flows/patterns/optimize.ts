import { GloveboxError } from "../../../core/index.ts";
import type { ProgramContext } from "../../../engine/index.ts";
import { inside, type Worker } from "./worker.ts";

export interface Verdict {
  readonly accepted: boolean;
  /** Higher is better. */
  readonly score: number;
  /** For the next round. */
  readonly feedback: string;
}

/** What the generator of a round knows. */
export interface Attempt<In, Candidate> {
  readonly input: In;
  /** From 1. */
  readonly round: number;
  /** What came of the round before; absent in the first. */
  readonly previous?: { readonly candidate: Candidate; readonly verdict: Verdict };
}

export interface Optimization<In, Candidate> {
  readonly generate: Worker<Attempt<In, Candidate>, Candidate>;
  readonly evaluate: Worker<{ readonly input: In; readonly round: number; readonly candidate: Candidate }, Verdict>;
  /** At most; default 3. */
  readonly rounds?: number;
  /** Rounds without a better score after which it ends. Default: it does not end for that. */
  readonly patience?: number;
}

export interface Optimized<Candidate> extends Verdict {
  /** The accepted one, else the one with the highest score; among equals the first. */
  readonly candidate: Candidate;
  /** The round that made it. */
  readonly round: number;
  /** How many there were. */
  readonly rounds: number;
}

/** One makes, another judges, and what was judged reaches the next round; ends as soon as something is accepted. */
export async function optimize<In, Candidate>(
  context: ProgramContext,
  input: In,
  { generate, evaluate, rounds = 3, patience }: Optimization<In, Candidate>,
): Promise<Optimized<Candidate>> {
  if (rounds < 1) throw new GloveboxError("invalid_argument", "an optimization has at least one round");
  let previous: Attempt<In, Candidate>["previous"];
  let found: Omit<Optimized<Candidate>, "rounds"> | undefined;
  let done = 0;
  for (let round = 1; round <= rounds; round++) {
    const attempt = { input, round, ...(previous !== undefined && { previous }) };
    const step = `round ${round}`;
    const { candidate, verdict } = await inside(context, step, async (own) => {
      const made = await inside(own, "generate", (inner) => generate(inner, attempt));
      const said = await inside(own, "evaluate", (inner) => evaluate(inner, { input, round, candidate: made }));
      return { candidate: made, verdict: said };
    });
    done = round;
    previous = { candidate, verdict };
    if (verdict.accepted) return { ...verdict, candidate, round, rounds: done };
    if (found === undefined || verdict.score > found.score) found = { ...verdict, candidate, round };
    if (patience !== undefined && round - found.round >= patience) break;
  }
  if (found === undefined) throw new GloveboxError("internal", "no round was done");
  return { ...found, rounds: done };
}
