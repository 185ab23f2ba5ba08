import type { ProgramContext } from "../../../engine/index.ts";
import type { Aggregate, BranchResult } from "./aggregate.ts";
import type { Worker } from "./worker.ts";

export interface ParallelOptions {
  /** Of its branches, at most so many at a time. Default: all. */
  readonly concurrency?: number;
  /** Where its branches stand in the run. Default `parallel`. */
  readonly name?: string;
}

/** Gives every worker the same input, side by side, and makes one thing of what they come to. The first that fails ends the others. */
export async function parallel<In, Out, All>(
  context: ProgramContext,
  input: In,
  workers: Readonly<Record<string, Worker<In, Out>>>,
  aggregate: Aggregate<Out, All>,
  options: ParallelOptions = {},
): Promise<All> {
  const names = Object.keys(workers);
  const branches = Object.fromEntries(
    Object.entries(workers).map(([name, work]) => [name, (own: ProgramContext) => work(own, input)]),
  );
  const done = await context.parallel(branches, options);
  const results: BranchResult<Out>[] = names.map((branch) => ({ branch, result: done[branch] as Out }));
  return aggregate(context, results);
}
