import type { ProgramContext } from "../../../engine/index.ts";

/** One piece of work of a pattern. It waits for nothing but what its context gives. */
export type Worker<In, Out> = (context: ProgramContext, input: In) => Promise<Out>;

/** Works in a context of its own, so that its steps have their place below `name` however often the pattern is used: paths stay what they were in every life of the run. */
export async function inside<Out>(
  context: ProgramContext,
  name: string,
  work: (own: ProgramContext) => Promise<Out>,
): Promise<Out> {
  const { done } = await context.parallel({ done: work }, { name });
  return done;
}
