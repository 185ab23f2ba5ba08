import { childOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { binaryOf, conditionOf, WORDS } from "../view.ts";
import { type Operator, operand, replace } from "./site.ts";

/** Conditions the other way round, weaker, stronger, or gone. */
export const conditions: Operator = function* ({ node, language }) {
  const words = WORDS[language];
  const condition = conditionOf(node);
  if (condition !== undefined) {
    yield replace("negation", condition, negated(condition, words.not), 0.9);
    yield replace("boolean", condition, words.true, 0.3);
    yield replace("boolean", condition, words.false, 0.3);
  }
  const binary = binaryOf(node);
  if (binary?.family === "logic") {
    yield replace("logic", node, binary.left.text, 0.7);
    yield replace("logic", node, binary.right.text, 0.7);
    for (const side of [binary.left, binary.right]) yield replace("negation", side, negated(side, words.not), 0.6);
  }
  const bare = withoutNot(node);
  if (bare !== undefined) yield replace("negation", node, bare.text, 0.9);
  else if (isAnswer(node)) yield replace("negation", node, negated(node, words.not), 0.8);
  yield* booleans(node, words.true, words.false);
};

function negated(node: SyntaxNode, not: string): string {
  return (
    withoutNot(node)?.text ??
    `${not}${/^not/.test(not) && binaryOf(node)?.family !== "logic" ? node.text : operand(node)}`
  );
}

function withoutNot(node: SyntaxNode): SyntaxNode | undefined {
  const isNot = node.type === "not_operator" || (node.type === "unary_expression" && node.children[0]?.text === "!");
  return isNot ? childOf(node, "argument") : undefined;
}

/** What is returned, and is true or false by its form. */
function isAnswer(node: SyntaxNode): boolean {
  const family = binaryOf(node)?.family;
  return node.parent?.type === "return_statement" && (family === "comparison" || family === "logic");
}

function* booleans(node: SyntaxNode, yes: string, no: string): Generator<Edit> {
  if (node.type !== "true" && node.type !== "false") return;
  if (node.children.length > 0) return;
  yield replace("boolean", node, node.type === "true" ? no : yes);
}
