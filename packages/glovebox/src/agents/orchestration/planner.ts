import { z } from "zod";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import { TaskGraph } from "../../engine/index.ts";
import type { Agent } from "../agent.ts";
import { summary } from "../messages/make-message.ts";
import { TaskType } from "../messages/parts.ts";
import { NewTask } from "../messages/task.ts";
import { askJson, type Said } from "./ask-json.ts";
import { planGoal } from "./plan-goal.ts";

const PlanPayload = z.strictObject({
  goal: z.string().min(1).max(10_000),
  /** Types of tasks that a plan may have; default: all that the rules know. */
  types: z.array(TaskType).min(1).max(50).optional(),
  /** Default 20, at most 100. */
  maxTasks: z.number().int().min(1).max(100).default(20),
  /** Whether tests run after what changes. Default true. */
  verify: z.boolean().default(true),
});
type PlanPayload = z.infer<typeof PlanPayload>;

const Proposal = z.strictObject({ tasks: z.array(NewTask).min(1).max(100) });

const SYSTEM = `You split a goal of work on a repository into tasks for agents. Each task has an id, a type, a payload (an object: {"goal": "..."} for codegen, {} else) and
the ids of the tasks that must be done before it. No task may wait for itself by any way.`;

/** Splits a goal into a graph of tasks, which are what its result proposes. */
export const planner: Agent<PlanPayload> = {
  name: "planner",
  capabilities: ["plan"],
  description: "Splits a goal into a graph of tasks, by rules or by a model whose plan is checked",
  payload: PlanPayload,
  work: async (host, { payload }) => {
    const prompt = JSON.stringify({ goal: payload.goal, types: payload.types, maxTasks: payload.maxTasks });
    const said = await askJson(host, Proposal, { system: SYSTEM, prompt });
    const judged = said === undefined ? undefined : judge(said, payload);
    if (judged !== undefined && "tasks" in judged) return planned(judged.tasks, "model", "the model's plan holds");
    const tasks = planGoal(payload.goal, payload);
    check(tasks, payload);
    return planned(tasks, "rules", judged?.problem ?? "there is no model");
  },
};

function judge(
  said: Said<z.infer<typeof Proposal>>,
  payload: PlanPayload,
): { readonly tasks: readonly NewTask[] } | { readonly problem: string } {
  if ("problem" in said) return said;
  try {
    check(said.value.tasks, payload);
    return said.value;
  } catch (error) {
    if (isGloveboxError(error)) return { problem: `the model's plan was refused: ${error.message}` };
    throw error;
  }
}

/** `invalid_argument` for what is no plan: a cycle, an unknown or a double id, a type that is not allowed; `resource_exhausted` for too many tasks. */
function check(tasks: readonly NewTask[], { types, maxTasks }: PlanPayload): void {
  const foreign = tasks.find(({ type }) => types !== undefined && !types.includes(type));
  if (foreign !== undefined) {
    throw new GloveboxError("invalid_argument", `the goal needs a task of type ${foreign.type}, which is not allowed`);
  }
  new TaskGraph(
    tasks.map(({ id, after = [] }) => ({ id, after, task: null })),
    { total: maxTasks },
  );
}

function planned(tasks: readonly NewTask[], by: "model" | "rules", reason: string) {
  const lines = tasks.map(({ id, after = [] }) => (after.length === 0 ? id : `${id} after ${after.join(", ")}`));
  return summary(lines.join("\n"), {
    data: { tasks, by },
    artifacts: [{ kind: "selection", chosen: by, reason: reason.slice(0, 4_000), among: ["model", "rules"] }],
    newTasks: [...tasks],
  });
}
