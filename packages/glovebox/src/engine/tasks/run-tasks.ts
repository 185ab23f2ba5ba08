import type { ProgramContext } from "../program.ts";
import { type GraphLimits, TaskGraph, type TaskNode } from "./task-graph.ts";

export interface TaskResult<T, R> {
  readonly result: R;
  /** Tasks that follow from the result. */
  readonly newTasks?: readonly TaskNode<T>[];
}

/**
 * Does a graph of tasks within a program: each as soon as what it comes after is done, `concurrency` at a time (default 8), in a context of its own that is named
 * by its id. The first task that fails ends the others. Resolves to the results by id, in the order of their completion.
 */
export async function runTasks<T, R>(
  context: ProgramContext,
  nodes: readonly TaskNode<T>[],
  work: (context: ProgramContext, node: TaskNode<T>) => Promise<TaskResult<T, R>>,
  options: GraphLimits & { readonly name?: string; readonly concurrency?: number } = {},
): Promise<ReadonlyMap<string, R>> {
  const graph = new TaskGraph(nodes, options);
  const results = new Map<string, R>();
  const waiting = [...graph.takeReady()];
  const width = options.concurrency ?? 8;
  const all = (group: ProgramContext) =>
    new Promise<void>((resolve, reject) => {
      let busy = 0;
      const one = async (node: TaskNode<T>): Promise<void> => {
        const { done } = await group.parallel({ done: (own) => work(own, node) }, { name: node.id });
        results.set(node.id, done.result);
        graph.complete(node.id, done.newTasks);
        waiting.push(...graph.takeReady());
        busy -= 1;
        begin();
      };
      const begin = (): void => {
        if (graph.isDone) resolve();
        while (busy < width) {
          const node = waiting.shift();
          if (node === undefined) return;
          busy += 1;
          one(node).catch(reject);
        }
      };
      begin();
    });
  // As a group, so that the tasks which are left end when one fails.
  await context.parallel({ all }, { name: options.name ?? "tasks" });
  return results;
}
