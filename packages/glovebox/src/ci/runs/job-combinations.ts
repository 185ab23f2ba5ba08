import { GloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { evaluateTemplated } from "../expressions/interpolate.ts";
import { jobName } from "../workflow/job-name.ts";
import { expandMatrix } from "../workflow/matrix.ts";
import type { Job } from "../workflow/workflow.ts";
import { instanceKey } from "./job-keys.ts";
import type { JsonObject } from "./run-input.ts";

/** One combination of a job's matrix, or the job itself where it has none. */
export interface Combination {
  readonly key: string;
  readonly name: string;
  readonly matrix: JsonObject;
  /** The `strategy` context. */
  readonly strategy: JsonObject;
}

export interface StrategyOf {
  readonly failFast: boolean;
  readonly maxParallel: number | undefined;
  readonly hasMatrix: boolean;
}

/**
 * What a job becomes, once what its matrix depends on is known. `only`: values, as text, that a combination must have; a job without a matrix is none of its business.
 * `invalid_argument` where an expression cannot be evaluated or gives something else than it must.
 */
export function combinationsOf(
  job: Job,
  key: string,
  contexts: Contexts,
  only: Readonly<Record<string, string>>,
): { readonly combinations: readonly Combination[]; readonly strategy: StrategyOf } {
  const template = job.strategy?.matrix;
  const failFast = booleanOf(job.strategy?.failFast ?? true, contexts, "strategy.fail-fast");
  const maxParallel = countOf(job.strategy?.maxParallel, contexts, "strategy.max-parallel");
  const all = template === undefined ? [{}] : expandMatrix(template, contexts);
  const combinations = all.map((matrix, index) => {
    const values = matrix as JsonObject;
    return {
      key: template === undefined ? key : instanceKey(key, index),
      name: jobName(job, values, contexts),
      matrix: values,
      strategy: {
        "fail-fast": failFast,
        "job-index": index,
        "job-total": all.length,
        "max-parallel": maxParallel ?? all.length,
      },
    };
  });
  return {
    combinations: template === undefined ? combinations : combinations.filter(({ matrix }) => hasAll(matrix, only)),
    strategy: { failFast, maxParallel, hasMatrix: template !== undefined },
  };
}

/** Whether something is set that may be an expression. */
export function booleanOf(value: string | boolean, contexts: Contexts, what: string): boolean {
  const given = typeof value === "string" ? evaluateTemplated(value, contexts) : value;
  if (typeof given === "boolean") return given;
  if (given === "true" || given === "false") return given === "true";
  throw new GloveboxError("invalid_argument", `${what} must be true or false, and is ${JSON.stringify(given)}`, {
    details: { path: what },
  });
}

function countOf(value: string | number | undefined, contexts: Contexts, what: string): number | undefined {
  if (value === undefined) return undefined;
  const given: JsonValue = typeof value === "string" ? evaluateTemplated(value, contexts) : value;
  const count = Number(given);
  if (Number.isInteger(count) && count > 0) return count;
  throw new GloveboxError(
    "invalid_argument",
    `${what} must be a whole number above 0, and is ${JSON.stringify(given)}`,
    {
      details: { path: what },
    },
  );
}

function hasAll(matrix: JsonObject, only: Readonly<Record<string, string>>): boolean {
  return Object.entries(only).every(([name, value]) => !Object.hasOwn(matrix, name) || String(matrix[name]) === value);
}
