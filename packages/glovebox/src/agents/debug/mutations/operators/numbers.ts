import { childOf, namedChildren, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { binaryOf, callOf, memberOf } from "../view.ts";
import { doesNothing } from "./does-nothing.ts";
import { type Operator, operand, replace, type Site } from "./site.ts";

const NUMBERS = new Set(["integer", "float", "number"]);
/** Other numbers of the same file, and of the failures, that are tried in place of one. */
const MAX_OTHERS = 4;

/** Numbers that are one too many, one too few, or another one. */
export const numbers: Operator = function* (site) {
  const { node } = site;
  if (NUMBERS.has(node.type)) yield* literal(site);
  else if (isCount(node)) {
    yield replace("off_by_one", node, `${operand(node)} - 1`, 0.8);
    yield replace("off_by_one", node, `${operand(node)} + 1`, 0.8);
  }
  const binary = binaryOf(node);
  if (binary !== undefined && /^[+-]$/.test(binary.operator) && NUMBERS.has(binary.right.type)) {
    yield replace("off_by_one", node, binary.left.text, 0.9);
  }
};

function* literal({ node, names, hints }: Site): Generator<Edit> {
  const value = Number(node.text.replaceAll("_", ""));
  const tried = new Set([node.text]);
  function* once(text: string, kind: Edit["kind"], weight: number): Generator<Edit> {
    if (tried.has(text)) return;
    if (saysNothing(text, node)) return;
    tried.add(text);
    const isSigned = text.startsWith("-") && node.parent?.type === "unary_operator";
    yield replace(kind, node, isSigned ? `(${text})` : text, weight);
  }
  if (Number.isSafeInteger(value)) {
    if (value === 0 || value === 1) yield* once(String(1 - value), "off_by_one", 1);
    yield* once(String(value + 1), "off_by_one", 0.9);
    yield* once(String(value - 1), "off_by_one", 0.9);
  }
  for (const other of hints.numbers.slice(0, MAX_OTHERS)) yield* once(other, "constant", 0.7);
  for (const other of names.literals(...NUMBERS).slice(0, MAX_OTHERS)) yield* once(other, "constant", 0.6);
  yield* once("0", "constant", 0.5);
  if (value !== 0) yield* once(`-${node.text}`, "constant", 0.4);
  if (Number.isSafeInteger(value) && Math.abs(value) >= 10) {
    for (const far of [value + 10, value - 10, value * 10]) yield* once(String(far), "constant", 0.4);
    if (value % 10 === 0) yield* once(String(value / 10), "constant", 0.4);
  }
}

function saysNothing(text: string, node: SyntaxNode): boolean {
  const { parent } = node;
  const around = parent === undefined ? undefined : binaryOf(parent);
  if (around?.family === "arithmetic") {
    const [left, right] = around.right === node ? [around.left.text, text] : [text, around.right.text];
    return doesNothing(left, around.operator, right);
  }
  if (parent === undefined || !parent.type.startsWith("augmented_assignment")) return false;
  const sign = childOf(parent, "operator")?.text.slice(0, -1) ?? "";
  return doesNothing(childOf(parent, "left")?.text ?? "", sign, text);
}

/** An index, a bound, a length: where being one beside is usual. */
function isCount(node: SyntaxNode): boolean {
  const { parent, field } = node;
  if (parent === undefined || !node.named || NUMBERS.has(node.type) || isText(node)) return false;
  if (parent.type === "subscript") return field === "subscript" && node.type !== "slice";
  if (parent.type === "subscript_expression") return field === "index";
  if (parent.type === "slice") return true;
  if (isLength(node)) return parent.type !== "expression_statement";
  const comparison = binaryOf(parent);
  if (comparison?.family === "comparison")
    return /[<>]/.test(comparison.operator) && field !== "operators" && !isComputed(node);
  const call = parent.parent === undefined ? undefined : callOf(parent.parent);
  if (call === undefined || parent !== call.list) return false;
  const name = memberOf(call.callee)?.property.text ?? call.callee.text;
  return /^(range|slice|substring|at|splice)$/.test(name);
}

function isText(node: SyntaxNode): boolean {
  return /^(string|template_string|none|true|false|null|undefined|unary_operator|unary_expression)$/.test(node.type);
}

function isComputed(node: SyntaxNode): boolean {
  return binaryOf(node) !== undefined && namedChildren(node).some(({ type }) => NUMBERS.has(type));
}

function isLength(node: SyntaxNode): boolean {
  const call = callOf(node);
  if (call !== undefined) return call.callee.text === "len";
  return /^(length|size)$/.test(memberOf(node)?.property.text ?? "");
}
