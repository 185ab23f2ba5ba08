import { GloveboxError } from "../../../core/index.ts";
import type { ProgramContext } from "../../../engine/index.ts";
import { inside, type Worker } from "./worker.ts";

export interface Routes<In, Out> {
  /** Names the route for an input. */
  readonly choose: Worker<In, string>;
  readonly routes: Readonly<Record<string, Worker<In, Out>>>;
  /** Takes what `choose` names no route for. Default: that is `invalid_argument`. */
  readonly otherwise?: Worker<In, Out>;
}

export interface RouteResult<Out> {
  readonly route: string;
  readonly result: Out;
}

/** Sends the input the one way that is chosen for it. */
export async function route<In, Out>(
  context: ProgramContext,
  input: In,
  { choose, routes, otherwise }: Routes<In, Out>,
): Promise<RouteResult<Out>> {
  const chosen = await inside(context, "choose", (own) => choose(own, input));
  const named = Object.hasOwn(routes, chosen) ? routes[chosen] : undefined;
  const work = named ?? otherwise;
  if (work === undefined) {
    const known = Object.keys(routes).join(", ");
    throw new GloveboxError("invalid_argument", `no route is called ${JSON.stringify(chosen)}; there are ${known}`);
  }
  const name = named === undefined ? "otherwise" : chosen;
  return { route: name, result: await inside(context, name, (own) => work(own, input)) };
}
