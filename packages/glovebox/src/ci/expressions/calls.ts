import type { Expr } from "@actions/expressions";
import { Binary, ContextAccess, FunctionCall, Grouping, IndexAccess, Logical, Unary } from "@actions/expressions/ast";

/** Every node of a syntax tree, the outer before the inner. Trees are as deep as the expression is long: this keeps its own stack. */
export function* nodesOf(tree: Expr): Generator<Expr> {
  const waiting = [tree];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    waiting.push(...childrenOf(node).reverse());
  }
}

function childrenOf(node: Expr): Expr[] {
  if (node instanceof Binary) return [node.left, node.right];
  if (node instanceof Logical || node instanceof FunctionCall) return [...node.args];
  if (node instanceof Unary) return [node.expr];
  if (node instanceof Grouping) return [node.group];
  return node instanceof IndexAccess ? [node.expr, node.index] : [];
}

/** The name of the function that a node calls, in small letters; undefined for any other node. */
export function calledFunction(node: Expr): string | undefined {
  return node instanceof FunctionCall ? node.functionName.lexeme.toLowerCase() : undefined;
}

/** The context that a node reads, in small letters; undefined for any other node. */
export function namedContext(node: Expr): string | undefined {
  return node instanceof ContextAccess ? node.name.lexeme.toLowerCase() : undefined;
}
