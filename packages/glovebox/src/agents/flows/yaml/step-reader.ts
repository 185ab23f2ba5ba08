import type { ZodType, z } from "zod";
import type { Budget } from "../../../core/index.ts";
import { checkShape } from "./check-shape.ts";
import { Expression, ExpressionProblem } from "./expressions.ts";
import type { Aggregation, FlowStep, Reading } from "./flow-file.ts";
import type { FlowProblem, LocatedYaml, Path } from "./located-yaml.ts";
import { STEP_SCHEMAS, type StepKey } from "./schema.ts";
import { expressionsOf, readTemplate, type Template } from "./template.ts";

/** Of these a step has at most one; what has none of them is told by `apply` or `steps`. */
const TELLING = ["agent", "parallel", "for_each", "until", "approve", "edit", "ask", "remember"] as const;
const MAX_STEPS = 500;
const MAX_NESTING = 8;

type Given<K extends StepKey> = z.infer<(typeof STEP_SCHEMAS)[K]>;
type Common = Omit<Given<"steps">, "steps">;
/** What a step has besides what all have. */
type Special<S> = S extends FlowStep ? Omit<S, keyof CommonStep> : never;
type CommonStep = Pick<
  FlowStep,
  "id" | "name" | "if" | "needs" | "onError" | "attempts" | "delayMs" | "budget" | "timeoutMs" | "readings" | "where"
>;

/** Reads steps, and collects what is wrong with them. */
export class StepReader {
  readonly #yaml: LocatedYaml;
  readonly #problems: FlowProblem[];
  readonly #ids = new Set<string>();
  #count = 0;
  #depth = 0;

  constructor(yaml: LocatedYaml, problems: FlowProblem[]) {
    this.#yaml = yaml;
    this.#problems = problems;
  }

  readSteps(steps: readonly unknown[], path: Path): FlowStep[] {
    if (this.#depth >= MAX_NESTING) {
      this.#problem(`steps are within each other more than ${MAX_NESTING} deep`, path);
      return [];
    }
    this.#depth += 1;
    const read = steps.map((step, index) => this.#readStep(step, [...path, index]));
    this.#depth -= 1;
    return read.filter((step) => step !== undefined);
  }

  readTemplate(value: unknown, path: Path, readings: Reading[] = []): Template {
    const template = readTemplate(value, (at, problem) => this.#wrong(problem, [...path, ...at]), []);
    for (const expression of expressionsOf(template)) {
      readings.push({ expression, part: "step", where: path, offset: 0 });
    }
    return template;
  }

  #readStep(value: unknown, path: Path): FlowStep | undefined {
    this.#count += 1;
    if (this.#count > MAX_STEPS) {
      if (this.#count === MAX_STEPS + 1) this.#problem(`a flow has at most ${MAX_STEPS} steps`, path);
      return undefined;
    }
    const key = this.#kindOf(value, path);
    if (key === undefined) return undefined;
    const readings: Reading[] = [];
    const special = this.#special(key, value, path, readings);
    if (special === undefined) return undefined;
    const common = this.#common(value as Common, special, path, readings);
    return { ...common, ...special } as FlowStep;
  }

  #kindOf(value: unknown, path: Path): StepKey | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#problem("a step is a mapping", path);
      return undefined;
    }
    const told = TELLING.filter((key) => Object.hasOwn(value, key));
    if (told.length > 1) {
      this.#problem(`a step is one of ${told.join(" and ")}, not both`, path, told[1]);
      return undefined;
    }
    const [key = Object.hasOwn(value, "apply") ? "apply" : "steps"] = told;
    if (Object.hasOwn(value, key)) return key;
    this.#problem(`a step has one of ${[...TELLING, "apply", "steps"].join(", ")}`, path);
    return undefined;
  }

  #common(given: Common, { kind, ...special }: { kind: string }, path: Path, readings: Reading[]): CommonStep {
    const { name, needs, on_error: onError = "fail", retry = 1, budget, timeout_ms: timeoutMs } = given;
    const base = kind === "agent" ? String((special as { agent?: string }).agent).replaceAll(/[^a-z0-9_]/g, "_") : kind;
    const id = given.id ?? this.#freeId(base.slice(0, 30));
    if (given.id !== undefined && this.#ids.has(id)) this.#problem(`there are two steps ${id}`, [...path, "id"]);
    this.#ids.add(id);
    const condition =
      given.if === undefined ? undefined : this.#expression(given.if, "step", [...path, "if"], readings);
    const { attempts, delay_ms: delayMs = 1_000 } = typeof retry === "number" ? { attempts: retry } : retry;
    return {
      id,
      attempts,
      delayMs,
      readings,
      where: path,
      onError: Array.isArray(onError)
        ? this.readSteps(onError, [...path, "on_error"])
        : (onError as "fail" | "continue"),
      ...(name !== undefined && { name }),
      ...(condition !== undefined && { if: condition }),
      ...(needs !== undefined && { needs }),
      ...(budget !== undefined && { budget: budget as Budget }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
  }

  #special(key: StepKey, value: unknown, path: Path, readings: Reading[]): Special<FlowStep> | undefined {
    const given = checkShape(STEP_SCHEMAS[key] as ZodType<unknown>, value, path, this.#yaml, this.#problems);
    if (given === undefined) return undefined;
    const template = (text: unknown, field: string) => this.readTemplate(text, [...path, field], readings);
    const expression = (text: string, part: Reading["part"], field: string) =>
      this.#expression(text, part, [...path, field], readings);
    switch (key) {
      case "agent": {
        const { agent, task, input = {}, apply } = given as Given<"agent">;
        const more = { ...(task !== undefined && { task }), ...(apply !== undefined && { apply }) };
        return { kind: "agent", agent, input: template(input, "input"), ...more };
      }
      case "parallel":
        return this.#parallel(given as Given<"parallel">, path, readings);
      case "for_each": {
        const { for_each: list, steps, concurrency = 4 } = given as Given<"for_each">;
        const items = template(typeof list === "string" ? bare(list) : list, "for_each");
        return { kind: "for_each", items, concurrency, steps: this.readSteps(steps, [...path, "steps"]) };
      }
      case "until": {
        const { until: text, max_rounds: maxRounds = 3, steps } = given as Given<"until">;
        const until = expression(text, "until", "until");
        if (until === undefined) return undefined;
        return { kind: "until", until, maxRounds, steps: this.readSteps(steps, [...path, "steps"]) };
      }
      case "steps":
        return { kind: "group", steps: this.readSteps((given as Given<"steps">).steps, [...path, "steps"]) };
      case "apply": {
        const { apply, on_drift: onDrift = "merge" } = given as Given<"apply">;
        return { kind: "apply", diff: template(bare(apply), "apply"), onDrift };
      }
      case "approve": {
        const { approve, diff } = given as Given<"approve">;
        const shown = diff === undefined ? {} : { diff: template(bare(diff), "diff") };
        return { kind: "approve", text: template(approve, "approve"), ...shown };
      }
      case "edit": {
        const { edit, text = "Change the diff where it needs to be changed." } = given as Given<"edit">;
        return { kind: "edit", text: template(text, "text"), diff: template(bare(edit), "edit") };
      }
      case "ask": {
        const { ask, choices } = given as Given<"ask">;
        return { kind: "ask", text: template(ask, "ask"), ...(choices !== undefined && { choices }) };
      }
      case "remember": {
        const { remember, path: name, kind: documentKind = "text", scope, metadata } = given as Given<"remember">;
        return {
          kind: "remember",
          content: template(remember, "remember"),
          documentKind,
          documentScope: template(scope ?? "global", "scope"),
          ...(name !== undefined && { path: template(name, "path") }),
          ...(metadata !== undefined && { metadata: template(metadata, "metadata") }),
        };
      }
    }
  }

  #parallel(given: Given<"parallel">, path: Path, readings: Reading[]): Special<FlowStep> {
    const { parallel, concurrency, aggregate, apply = false } = given;
    const branches = this.readSteps(parallel, [...path, "parallel"]);
    const how = aggregate === undefined ? undefined : this.#aggregate(aggregate, [...path, "aggregate"], readings);
    if (apply && how?.kind !== "best") {
      this.#problem("only the best of the branches can be applied", path, "apply");
    }
    return {
      kind: "parallel",
      branches,
      apply,
      ...(concurrency !== undefined && { concurrency }),
      ...(how !== undefined && { aggregate: how }),
    };
  }

  #aggregate(
    given: NonNullable<Given<"parallel">["aggregate"]>,
    path: Path,
    readings: Reading[],
  ): Aggregation | undefined {
    if (given === "concatenation") return { kind: "concatenation" };
    if ("best" in given) {
      const score = this.#expression(given.best, "aggregate", [...path, "best"], readings);
      return score && { kind: "best", score };
    }
    if ("vote" in given) {
      const value = this.#expression(given.vote, "aggregate", [...path, "vote"], readings);
      return value && { kind: "vote", value };
    }
    const { agent, input = {} } = given.synthesis;
    const own: Reading[] = [];
    const template = this.readTemplate(input, [...path, "synthesis", "input"], own);
    readings.push(...own.map((reading) => ({ ...reading, part: "until" as const })));
    return { kind: "synthesis", agent, input: template };
  }

  /** A condition or the like: an expression alone, which may stand in `${{ }}` as well. */
  #expression(text: string, part: Reading["part"], path: Path, readings: Reading[]): Expression | undefined {
    const trimmed = text.trim();
    const isMarked = trimmed.startsWith("${{") && trimmed.endsWith("}}");
    const inner = isMarked ? trimmed.slice(3, -2) : trimmed;
    try {
      const expression = new Expression(inner.trim());
      readings.push({ expression, part, where: path, offset: 0 });
      return expression;
    } catch (error) {
      if (!(error instanceof ExpressionProblem)) throw error;
      this.#wrong(new ExpressionProblem(error.message, error.offset + text.indexOf(inner.trim())), path);
      return undefined;
    }
  }

  #freeId(base: string): string {
    for (let number = 1; ; number++) {
      const id = number === 1 ? base : `${base}_${number}`;
      if (!this.#ids.has(id)) return id;
    }
  }

  #wrong({ message, offset }: ExpressionProblem, path: Path): void {
    this.#problems.push(this.#yaml.problem(message, path, { offset }));
  }

  #problem(message: string, path: Path, key?: string): void {
    this.#problems.push(this.#yaml.problem(message, path, key === undefined ? {} : { key }));
  }
}

/** What may only be an expression may do without its marks. */
function bare(text: string): string {
  return text.includes("${{") ? text : `\${{ ${text} }}`;
}
