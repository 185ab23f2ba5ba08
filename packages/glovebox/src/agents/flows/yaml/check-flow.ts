import type { ZodType } from "zod";
import { isGloveboxError } from "../../../core/index.ts";
import { TaskGraph } from "../../../engine/index.ts";
import { VARIABLES, type Variable } from "./expressions.ts";
import { type FlowFile, type FlowStep, listsWithin, type Reading } from "./flow-file.ts";
import type { FlowProblem, LocatedYaml } from "./located-yaml.ts";
import { documentProblems } from "./remember.ts";

/** The agents that there are: what each does, and what it takes, where that is known. */
export type KnownAgents = ReadonlyMap<string, { readonly types: readonly string[]; readonly payload?: ZodType }>;

/** What a reader can see from where it stands. */
interface Sight {
  readonly steps: ReadonlySet<string>;
  readonly variables: ReadonlySet<Variable>;
}

/** Looks at what the shape does not tell: steps that wait for each other, that read what is not there yet, and agents that there are not. */
export function checkFlow(flow: FlowFile, yaml: LocatedYaml, agents?: KnownAgents): readonly FlowProblem[] {
  return new Check(flow, yaml, agents).run();
}

class Check {
  readonly #flow: FlowFile;
  readonly #yaml: LocatedYaml;
  readonly #agents: KnownAgents | undefined;
  readonly #all = new Set<string>();
  readonly #problems: FlowProblem[] = [];

  constructor(flow: FlowFile, yaml: LocatedYaml, agents: KnownAgents | undefined) {
    this.#flow = flow;
    this.#yaml = yaml;
    this.#agents = agents;
  }

  run(): readonly FlowProblem[] {
    for (const step of allSteps(this.#flow.steps)) this.#all.add(step.id);
    this.#list(this.#flow.steps, { steps: new Set(), variables: new Set(["input", "steps"]) });
    return this.#problems;
  }

  /** Steps one after the other, or as they need each other. */
  #list(steps: readonly FlowStep[], outer: Sight): void {
    const before = this.#order(steps);
    for (const step of steps) {
      const visible = new Set(outer.steps);
      for (const id of before.get(step.id) ?? []) {
        const one = steps.find((other) => other.id === id);
        if (one !== undefined) for (const seen of seenAfter(one)) visible.add(seen);
      }
      this.#step(step, { ...outer, steps: visible });
    }
  }

  /** All that is done before each step. Tells of needs that nothing meets, and of cycles. */
  #order(steps: readonly FlowStep[]): ReadonlyMap<string, ReadonlySet<string>> {
    const ids = new Set(steps.map(({ id }) => id));
    const after = new Map(steps.map((step, index) => [step.id, needsOf(step, steps[index - 1])]));
    for (const step of steps) {
      for (const [index, id] of (step.needs ?? []).entries()) {
        if (ids.has(id)) continue;
        const where = this.#all.has(id) ? `${id} is not in the same list of steps` : `there is no step ${id}`;
        this.#problem(where, [...step.where, "needs", index]);
        after.set(
          step.id,
          (after.get(step.id) ?? []).filter((other) => other !== id),
        );
      }
    }
    try {
      new TaskGraph(steps.map(({ id }) => ({ id, after: after.get(id) ?? [], task: undefined })));
    } catch (error) {
      if (!isGloveboxError(error, "invalid_argument")) throw error;
      const { cycle = [], task } = (error.details ?? {}) as { cycle?: readonly string[]; task?: string };
      const step = steps.find(({ id }) => id === (cycle[0] ?? task));
      this.#problem(error.message.replace("tasks", "steps"), [...(step?.where ?? []), "needs"]);
      return new Map();
    }
    const before = new Map<string, Set<string>>();
    const closure = (id: string): Set<string> => {
      const known = before.get(id);
      if (known !== undefined) return known;
      const all = new Set<string>();
      before.set(id, all);
      for (const other of after.get(id) ?? []) {
        all.add(other);
        for (const one of closure(other)) all.add(one);
      }
      return all;
    };
    for (const { id } of steps) closure(id);
    return before;
  }

  #step(step: FlowStep, sight: Sight): void {
    const within = withinSight(step, sight);
    for (const reading of step.readings) this.#reading(reading, sightOf(reading, step, sight, within));
    for (const list of listsWithin(step)) {
      if (step.kind === "parallel" && list[0]?.needs !== undefined) {
        this.#problem("branches need nothing of each other: they begin together", [...list[0].where, "needs"]);
      } else this.#list(list, within);
    }
    if (typeof step.onError !== "string") this.#list(step.onError, sight);
    if (step.kind === "agent") this.#agent(step.agent, step.task, step.where, "agent");
    if (step.kind === "agent") this.#payload(step);
    if (step.kind === "remember") {
      for (const { field, message } of documentProblems(step)) this.#problem(message, [...step.where, ...field]);
    }
    if (step.kind === "parallel" && step.aggregate?.kind === "synthesis") {
      this.#agent(step.aggregate.agent, undefined, [...step.where, "aggregate", "synthesis"], "agent");
    }
    if ((step.kind === "apply" || (step.kind === "parallel" && step.apply)) && !this.#flow.repository) {
      this.#problem("this flow has no repository that could be changed", [...step.where, "apply"]);
    }
  }

  #reading({ expression, where }: Reading, { steps, variables }: Sight): void {
    for (const id of expression.steps) {
      if (steps.has(id)) continue;
      const why = this.#all.has(id) ? `the step ${id} is not done before this one` : `there is no step ${id}`;
      this.#problem(why, where);
    }
    for (const name of expression.variables) {
      if (!variables.has(name)) this.#problem(`there is no ${name} here`, where);
    }
    for (const name of expression.inputs) {
      if (!Object.hasOwn(this.#flow.input, name)) this.#problem(`the flow has no input ${name}`, where);
    }
  }

  #agent(agent: string, task: string | undefined, where: readonly (string | number)[], key: string): void {
    if (this.#agents === undefined) return;
    const known = this.#agents.get(agent);
    const types = new Set([...this.#agents.values()].flatMap((one) => one.types));
    if (known === undefined && !types.has(agent)) {
      const there = [...this.#agents.keys()].toSorted().join(", ");
      this.#problem(`there is no agent ${agent}; there are ${there}`, [...where, key]);
    } else if (task !== undefined && known !== undefined && !known.types.includes(task)) {
      this.#problem(`${agent} does ${known.types.join(", ")}`, [...where, "task"]);
    }
  }

  /** What is fixed already now can be checked already now. */
  #payload({ agent, input, where }: Extract<FlowStep, { kind: "agent" }>): void {
    const schema = this.#agents?.get(agent)?.payload;
    if (schema === undefined || input.kind !== "value") return;
    const parsed = schema.safeParse(input.value);
    for (const issue of parsed.success ? [] : parsed.error.issues.slice(0, 5)) {
      const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
      this.#problem(`${agent}: ${issue.message}`, [...where, "input", ...path]);
    }
  }

  #problem(message: string, path: readonly (string | number)[]): void {
    this.#problems.push(this.#yaml.problem(message, path));
  }
}

/** What a step comes after: what it names, else the one before it. */
export function needsOf(step: FlowStep, previous: FlowStep | undefined): readonly string[] {
  return step.needs ?? (previous === undefined ? [] : [previous.id]);
}

/** What the steps within a step can see. */
function withinSight(step: FlowStep, { steps, variables }: Sight): Sight {
  const more: readonly Variable[] =
    step.kind === "for_each" ? ["item", "index"] : step.kind === "until" ? ["round"] : [];
  return { steps, variables: new Set([...variables, ...more]) };
}

function sightOf({ part }: Reading, step: FlowStep, outer: Sight, within: Sight): Sight {
  if (part === "step") return outer;
  const inner = listsWithin(step).flatMap((list) => list.flatMap((one) => [...seenAfter(one)]));
  const variables = new Set([...within.variables, ...(part === "aggregate" ? VARIABLES.slice(-1) : [])]);
  return { steps: new Set([...outer.steps, ...inner]), variables };
}

/** What those after a step can see of it. What is done once for each of a list is only seen as the list of its results. */
function seenAfter(step: FlowStep): Set<string> {
  const seen = new Set([step.id]);
  if (step.kind === "for_each") return seen;
  for (const list of listsWithin(step)) for (const one of list) for (const id of seenAfter(one)) seen.add(id);
  return seen;
}

export function allSteps(steps: readonly FlowStep[]): readonly FlowStep[] {
  return steps.flatMap((step) => [
    step,
    ...listsWithin(step).flatMap(allSteps),
    ...(typeof step.onError === "string" ? [] : allSteps(step.onError)),
  ]);
}
