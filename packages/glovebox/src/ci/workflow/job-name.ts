import type { JsonValue } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { interpolate } from "../expressions/interpolate.ts";
import { numberToText } from "../expressions/number-text.ts";
import { segmentsOf } from "../expressions/segments.ts";
import type { Combination } from "./matrix.ts";
import type { Job } from "./workflow.ts";

/** GitHub's bound on what it shows. */
const MAX_LENGTH = 100;

/**
 * What a job is called: its `name`, else its id, and behind it the values of the matrix as `test (20, linux)`, unless the name has expressions
 * of its own. Errors as of `interpolate`.
 */
export function jobName(job: Job, matrix: Combination = {}, contexts: Contexts = {}): string {
  const hasExpressions = segmentsOf(job.name ?? "").some(({ kind }) => kind === "expression");
  if (hasExpressions) {
    const name = interpolate(job.name ?? "", { ...contexts, matrix }).trim();
    if (name !== "") return shortened(name);
  }
  const values = Object.values(matrix).flatMap(leaves);
  const base = hasExpressions ? job.id : job.name || job.id;
  return shortened(values.length === 0 ? base : `${base} (${values.join(", ")})`);
}

function leaves(value: JsonValue | undefined): string[] {
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "object") return Object.values(value).flatMap((item) => leaves(item as JsonValue));
  return [typeof value === "number" ? numberToText(value) : String(value)];
}

function shortened(name: string): string {
  return name.length <= MAX_LENGTH ? name : `${name.slice(0, MAX_LENGTH - 3)}...`;
}
