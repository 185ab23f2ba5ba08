import { falsy } from "@actions/expressions/result";
import type { JsonValue } from "../../engine/index.ts";
import { calledFunction, nodesOf } from "./calls.ts";
import type { Contexts, Expression, Functions } from "./contexts.ts";
import { toData } from "./data.ts";
import { evaluateToData } from "./evaluate.ts";
import { parseExpression } from "./parse.ts";
import { wholeExpression } from "./segments.ts";

const STATUS_FUNCTIONS = new Set(["success", "failure", "cancelled", "always"]);

/**
 * Whether a job or a step with this `if` runs. Without one: `success()`. One that names no status function has `success() &&` put in front.
 * `${{ }}` around it may be there or not. Errors as of `evaluate`.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
 * ("A default status check of success() is applied unless you include one of these functions.")
 */
export function condition(expression: Expression | undefined, contexts: Contexts, functions: Functions): boolean {
  const given = expression?.trim() ?? "";
  const inner = wholeExpression(given) ?? given;
  if (inner === "") return functions.status?.success() ?? true;
  if (!namesStatus(inner) && functions.status?.success() === false) return false;
  return !falsy(evaluateToData(inner, contexts, functions));
}

function namesStatus(expression: Expression): boolean {
  const tree = parseExpression(expression);
  return tree !== undefined && nodesOf(tree).some((node) => STATUS_FUNCTIONS.has(calledFunction(node) ?? ""));
}

/** GitHub's truth of a value: false, 0, NaN, the empty text and null are false. Lists and objects are true, empty ones too. */
export function isTruthy(value: JsonValue): boolean {
  return !falsy(toData(value));
}
