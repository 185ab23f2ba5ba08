import type { JsonValue } from "../../engine/index.ts";
import type { Contexts, Functions, Templated } from "./contexts.ts";
import { evaluate, evaluateToData } from "./evaluate.ts";
import { invalid } from "./invalid.ts";
import { segmentsOf, wholeExpression } from "./segments.ts";
import { MAX_TEXT_LENGTH } from "./work-budget.ts";

/**
 * `text` with each `${{ }}` replaced by its value as text, as GitHub converts it: null is empty, lists are `Array`, objects `Object`.
 * At most 4 Mi characters. Errors as of `evaluate`.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#functions ("Casts data types to a string")
 */
export function interpolate(text: Templated, contexts: Contexts, functions: Functions = {}): string {
  let result = "";
  for (const segment of segmentsOf(text)) {
    result += segment.kind === "text" ? segment.text : valueText(segment.expression, contexts, functions);
    if (result.length > MAX_TEXT_LENGTH)
      throw invalid(`A text with its expressions is longer than ${MAX_TEXT_LENGTH} characters`);
  }
  return result;
}

function valueText(expression: string, contexts: Contexts, functions: Functions): string {
  if (expression === "") throw invalid("An expression was expected");
  return evaluateToData(expression, contexts, functions).coerceString();
}

/** The value of `text`: where it is one whole `${{ }}` that value in its own type, else the text of {@link interpolate}. */
export function evaluateTemplated(text: Templated, contexts: Contexts, functions: Functions = {}): JsonValue {
  const whole = wholeExpression(text);
  if (whole === undefined) return interpolate(text, contexts, functions);
  if (whole === "") throw invalid("An expression was expected");
  return evaluate(whole, contexts, functions);
}
