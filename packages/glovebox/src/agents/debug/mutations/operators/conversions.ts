import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import { binaryOf, functionAround, isFunction } from "../view.ts";
import { type Operator, replace } from "./site.ts";

const MAX_OWN = 3;

/** Two values that are compared as they are, and should be compared as something else: by a function of the file with one parameter, or as numbers. */
export const conversions: Operator = function* ({ node, language }) {
  const binary = binaryOf(node);
  if (binary?.family !== "comparison" || !/^(<=?|>=?|[=!]==?)$/.test(binary.operator)) return;
  const { left, right, operator } = binary;
  if (![left, right].every(isPlain)) return;
  const around = functionAround(node);
  const own = unary(node).filter((name) => name !== childOf(around, "name")?.text);
  const numbers = language === "python" ? ["int", "float"] : ["Number"];
  for (const name of [...own.slice(0, MAX_OWN), ...numbers])
    yield replace("conversion", node, `${name}(${left.text}) ${operator} ${name}(${right.text})`);
};

/** A name or an attribute, of which nothing says what it is. */
function isPlain({ type }: SyntaxNode): boolean {
  return /^(identifier|attribute|member_expression|subscript|subscript_expression)$/.test(type);
}

/** Functions of the file itself that take one value. */
function unary(node: SyntaxNode): readonly string[] {
  let root = node;
  while (root.parent !== undefined) root = root.parent;
  const names: string[] = [];
  for (const one of nodesOf(root)) {
    if (!isFunction(one) || one.type === "lambda" || functionAround(one) !== undefined) continue;
    const name =
      childOf(one, "name") ?? (one.parent?.type === "variable_declarator" ? childOf(one.parent, "name") : undefined);
    const isMethod = one.type === "method_definition" || one.parent?.parent?.type === "class_definition";
    const count = namedChildren(childOf(one, "parameters")).length;
    if (name !== undefined && !isMethod && count === 1) names.push(name.text);
  }
  return names;
}
