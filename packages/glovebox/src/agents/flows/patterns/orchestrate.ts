import { type GraphLimits, type ProgramContext, runTasks, type TaskNode } from "../../../engine/index.ts";
import type { BranchResult } from "./aggregate.ts";
import { inside, type Worker } from "./worker.ts";

export interface PlannedTask<Task> {
  /** Unique in the plan. */
  readonly id: string;
  readonly task: Task;
  /** Ids of the tasks whose results it needs. */
  readonly after?: readonly string[];
}

/** What a worker of an orchestration is given: its task, and what it is a part of. */
export interface PlannedWork<Goal, Task, Out> {
  readonly goal: Goal;
  readonly plan: readonly PlannedTask<Task>[];
  readonly id: string;
  readonly task: Task;
  /** Of the tasks that it comes after, in the order in which it names them. */
  readonly results: readonly BranchResult<Out>[];
}

export interface Orchestration<Goal, Task, Out, All> {
  readonly plan: Worker<Goal, readonly PlannedTask<Task>[]>;
  readonly work: Worker<PlannedWork<Goal, Task, Out>, Out>;
  readonly synthesise: Worker<
    {
      readonly goal: Goal;
      readonly plan: readonly PlannedTask<Task>[];
      readonly results: readonly BranchResult<Out>[];
    },
    All
  >;
  /** Tasks at a time. Default 4. */
  readonly concurrency?: number;
  readonly limits?: GraphLimits;
}

/** Makes a plan, does its tasks in the order of their dependencies, and one thing of all. A plan with a cycle, or with too much in it, is refused before any task begins. */
export async function orchestrate<Goal, Task, Out, All>(
  context: ProgramContext,
  goal: Goal,
  { plan: makePlan, work, synthesise, concurrency = 4, limits = {} }: Orchestration<Goal, Task, Out, All>,
): Promise<All> {
  const plan = await inside(context, "plan", (own) => makePlan(own, goal));
  const nodes: TaskNode<PlannedTask<Task>>[] = plan.map((task) => ({ id: task.id, after: task.after ?? [], task }));
  const done = new Map<string, Out>();
  const resultsOf = (ids: readonly string[]): BranchResult<Out>[] =>
    ids.map((branch) => ({ branch, result: done.get(branch) as Out }));
  await runTasks<PlannedTask<Task>, Out>(
    context,
    nodes,
    async (own, { id, task }) => {
      const result = await work(own, { goal, plan, id, task: task.task, results: resultsOf(task.after ?? []) });
      done.set(id, result);
      return { result };
    },
    { name: "workers", concurrency, ...limits },
  );
  // As the plan has them: the order in which they ended is chance.
  const results = resultsOf(plan.map(({ id }) => id));
  return inside(context, "synthesis", (own) => synthesise(own, { goal, plan, results }));
}
