import { data, Evaluator, type Expr } from "@actions/expressions";
import type { Binary, Literal } from "@actions/expressions/ast";
import type { JsonValue } from "../../engine/index.ts";
import type { Contexts, Expression, Functions } from "./contexts.ts";
import { type ExpressionData, fromData, NumericData, TextData, toData } from "./data.ts";
import { functionsOf, sizeOf } from "./functions.ts";
import { CONTEXT_NAMES, parseExpression, toInvalid } from "./parse.ts";
import { WorkBudget } from "./work-budget.ts";

/** The library's evaluator with a bound on its work, and with GitHub's conversions between texts and numbers. */
class BoundedEvaluator extends Evaluator {
  readonly #budget: WorkBudget;

  constructor(tree: Expr, contexts: Contexts, functions: Functions) {
    const budget = new WorkBudget();
    super(tree, toData(contexts as JsonValue) as data.Dictionary, functionsOf(functions, budget));
    this.#budget = budget;
  }

  override visitLiteral({ literal }: Literal): ExpressionData {
    if (literal instanceof data.StringData) return new TextData(literal.value);
    return literal instanceof data.NumberData ? new NumericData(literal.value) : literal;
  }

  override visitBinary(binary: Binary): ExpressionData {
    this.#budget.spend(1);
    return super.visitBinary(binary);
  }

  /** Both sides of a comparison and every argument come by here, too. */
  protected override eval(node: Expr): ExpressionData {
    // A context which is not there is null, as on GitHub where its place in the file allows it.
    const value = (super.eval(node) as ExpressionData | undefined) ?? new data.Null();
    this.#budget.spend(sizeOf(value));
    return value;
  }
}

/** As {@link evaluate}, as the library's own data. */
export function evaluateToData(expression: Expression, contexts: Contexts, functions: Functions): ExpressionData {
  const tree = parseExpression(expression, [...CONTEXT_NAMES, ...Object.keys(contexts)]);
  return tree === undefined ? new data.Null() : evaluateTree(tree, expression, contexts, functions);
}

/** The value of a syntax tree, or of a part of one, of `expression`. */
export function evaluateTree(
  tree: Expr,
  expression: Expression,
  contexts: Contexts,
  functions: Functions,
): ExpressionData {
  try {
    return new BoundedEvaluator(tree, contexts, functions).evaluate();
  } catch (error) {
    throw toInvalid(error, expression);
  }
}

/**
 * The value of `expression` (without `${{ }}`) as JSON. Depth, length of texts and work are bounded, and so is time.
 * `invalid_argument` with GitHub's words where it cannot be read or evaluated; `details.position` counts from 1.
 */
export function evaluate(expression: Expression, contexts: Contexts, functions: Functions = {}): JsonValue {
  return fromData(evaluateToData(expression, contexts, functions));
}
