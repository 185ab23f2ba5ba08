import { FunctionCall } from "@actions/expressions/ast";
import { isGloveboxError } from "../../core/index.ts";
import { calledFunction, nodesOf } from "./calls.ts";
import type { Contexts, Expression, Functions, Templated } from "./contexts.ts";
import { evaluateTree } from "./evaluate.ts";
import { parseExpression } from "./parse.ts";
import { segmentsOf } from "./segments.ts";

/**
 * The patterns of each call of `hashFiles` in `text`, so that their answers, which take reading files, can be there before it is evaluated.
 * A call whose patterns cannot be evaluated is left out: evaluating `text` says why. `invalid_argument` where `text` cannot be read.
 */
export function hashFilesCalls(
  text: Templated,
  contexts: Contexts,
  functions: Functions = {},
): readonly (readonly string[])[] {
  const expressions = segmentsOf(text).filter((segment) => segment.kind === "expression");
  return expressions.flatMap(({ expression }) => hashFilesCallsOf(expression, contexts, functions));
}

/** As {@link hashFilesCalls}, of an expression without `${{ }}`: an `if`. */
export function hashFilesCallsOf(
  expression: Expression,
  contexts: Contexts,
  functions: Functions = {},
): readonly (readonly string[])[] {
  if (!/hashfiles/i.test(expression)) return [];
  const tree = parseExpression(expression);
  if (tree === undefined) return [];
  const calls = nodesOf(tree).filter((node) => node instanceof FunctionCall && calledFunction(node) === "hashfiles");
  return [...calls].flatMap((call) => {
    try {
      return [
        (call as FunctionCall).args.map((arg) => evaluateTree(arg, expression, contexts, functions).coerceString()),
      ];
    } catch (error) {
      if (isGloveboxError(error, "invalid_argument")) return [];
      throw error;
    }
  });
}
