import type { ProgramContext } from "../../../engine/index.ts";
import { inside, type Worker } from "./worker.ts";

export interface Stage<T> {
  /** Unique in its chain. */
  readonly name: string;
  readonly work: Worker<T, T>;
  /** Looks at what came of it: false ends the chain here. Default: it always goes on. */
  readonly goOn?: (result: T) => boolean;
}

export interface ChainResult<T> {
  readonly result: T;
  /** The stage after which a gate ended it; absent: all were done. */
  readonly endedAfter?: string;
}

/** One stage after the other, each with what the one before made. */
export async function chain<T>(
  context: ProgramContext,
  input: T,
  stages: readonly Stage<T>[],
): Promise<ChainResult<T>> {
  let result = input;
  for (const { name, work, goOn } of stages) {
    const given = result;
    result = await inside(context, name, (own) => work(own, given));
    if (goOn?.(result) === false) return { result, endedAfter: name };
  }
  return { result };
}
