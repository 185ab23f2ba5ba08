import { childOf, namedChildren, type SyntaxNode } from "../../../syntax/index.ts";
import type { CodeLanguage } from "../../code/code-file.ts";

/** The same things have other names in the two grammars: here they have one. */

export interface Binary {
  readonly left: SyntaxNode;
  readonly right: SyntaxNode;
  readonly operator: string;
  /** Offsets of the operator. */
  readonly at: readonly [number, number];
  readonly family: "comparison" | "arithmetic" | "logic";
}

const COMPARISONS = new Set(["<", "<=", ">", ">=", "==", "!=", "===", "!==", "in", "not in", "is", "is not"]);
const LOGIC = new Set(["and", "or", "&&", "||", "??"]);
const BINARY_TYPES = new Set(["binary_operator", "boolean_operator", "comparison_operator", "binary_expression"]);

/** An operation of two operands, of chains of comparisons the first. */
export function binaryOf(node: SyntaxNode): Binary | undefined {
  if (!BINARY_TYPES.has(node.type)) return undefined;
  const [left, right] = namedOperands(node);
  if (left === undefined || right === undefined) return undefined;
  const between = node.children.filter(({ start, end }) => start >= left.end && end <= right.start);
  const [first, last] = [between[0], between.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const operator = between.map(({ text }) => text.replace(/\s+/g, " ")).join(" ");
  const family = COMPARISONS.has(operator) ? "comparison" : LOGIC.has(operator) ? "logic" : "arithmetic";
  return { left, right, operator, at: [first.start, last.end], family };
}

function namedOperands(node: SyntaxNode): readonly SyntaxNode[] {
  const [left, right] = [childOf(node, "left"), childOf(node, "right")];
  if (left !== undefined && right !== undefined) return [left, right];
  return namedChildren(node).filter(({ field }) => field !== "operators");
}

const CALLS = new Set(["call", "call_expression", "new_expression"]);

export interface Call {
  readonly callee: SyntaxNode;
  readonly list: SyntaxNode;
  readonly arguments: readonly SyntaxNode[];
}

export function callOf(node: SyntaxNode): Call | undefined {
  if (!CALLS.has(node.type)) return undefined;
  const callee = childOf(node, "function") ?? childOf(node, "constructor");
  const list = childOf(node, "arguments");
  if (callee === undefined || (list?.type !== "argument_list" && list?.type !== "arguments")) return undefined;
  return { callee, list, arguments: namedChildren(list) };
}

export interface Member {
  readonly object: SyntaxNode;
  readonly property: SyntaxNode;
}

export function memberOf(node: SyntaxNode | undefined): Member | undefined {
  if (node?.type !== "attribute" && node?.type !== "member_expression") return undefined;
  const object = childOf(node, "object");
  const property = childOf(node, "attribute") ?? childOf(node, "property");
  return object === undefined || property === undefined ? undefined : { object, property };
}

/** What an `if`, a loop or a choice asks, without the parentheses around it. */
export function conditionOf(node: SyntaxNode): SyntaxNode | undefined {
  if (node.type === "conditional_expression") return namedChildren(node)[1];
  if (node.type === "if_clause") return namedChildren(node)[0];
  const condition = node.children.find(({ field, named }) => field === "condition" && named);
  return condition?.type === "parenthesized_expression" ? (namedChildren(condition)[0] ?? condition) : condition;
}

const FUNCTIONS = new Set([
  "function_definition",
  "lambda",
  "function_declaration",
  "function_expression",
  "generator_function_declaration",
  "generator_function",
  "method_definition",
  "arrow_function",
]);

export function isFunction(node: SyntaxNode): boolean {
  return FUNCTIONS.has(node.type);
}

/** Around the node, itself not counted. */
export function functionAround(node: SyntaxNode): SyntaxNode | undefined {
  return ancestor(node.parent, isFunction);
}

export function classAround(node: SyntaxNode): SyntaxNode | undefined {
  return ancestor(node.parent, ({ type }) => /^(class_definition|class_declaration|class)$/.test(type));
}

const LOOPS = new Set(["while_statement", "for_statement", "for_in_statement", "do_statement"]);

/** The loop around a node, within its function. */
export function loopAround(node: SyntaxNode): SyntaxNode | undefined {
  const found = ancestor(node.parent, (one) => LOOPS.has(one.type) || isFunction(one));
  return found !== undefined && LOOPS.has(found.type) ? found : undefined;
}

function ancestor(node: SyntaxNode | undefined, isIt: (node: SyntaxNode) => boolean): SyntaxNode | undefined {
  let at = node;
  while (at !== undefined && !isIt(at)) at = at.parent;
  return at;
}

const BLOCKS = new Set(["block", "statement_block", "module", "program"]);

export function isStatement(node: SyntaxNode): boolean {
  return node.named && !node.type.endsWith("comment") && node.parent !== undefined && BLOCKS.has(node.parent.type);
}

/** The statement of a block that a node belongs to, or is. */
export function statementAround(node: SyntaxNode): SyntaxNode | undefined {
  return ancestor(node, isStatement);
}

/** Statements that hold no others. */
export function isSimple(node: SyntaxNode): boolean {
  return (
    isStatement(node) &&
    !node.children.some(({ type }) => BLOCKS.has(type)) &&
    !/definition|declaration$/.test(rest(node.type))
  );
}

function rest(type: string): string {
  return type === "lexical_declaration" || type === "variable_declaration" ? "" : type;
}

/** The name that this node is, where it is read as a value. */
export function isRead(node: SyntaxNode): boolean {
  if (node.type !== "identifier") return false;
  const { parent, field } = node;
  if (parent === undefined || field === "name" || field === "pattern" || field === "parameter") return false;
  if (
    field === "left" &&
    /^(assignment|augmented_assignment|for_|assignment_pattern|assignment_expression)/.test(parent.type)
  )
    return false;
  if (parent.type === "keyword_argument" && field === "name") return false;
  if (field === "attribute" || field === "property" || field === "function" || field === "constructor") return false;
  return !/pattern|parameter|import|export_specifier|global|decorator|type/.test(parent.type);
}

/** The space before the first character of the line that a node begins in. */
export function indentOf(node: SyntaxNode, source: string): string {
  const lineStart = source.lastIndexOf("\n", node.start - 1) + 1;
  return /^[ \t]*/.exec(source.slice(lineStart, node.start))?.[0] ?? "";
}

/** Whether a node begins its line. */
export function beginsLine(node: SyntaxNode, source: string): boolean {
  const lineStart = source.lastIndexOf("\n", node.start - 1) + 1;
  return source.slice(lineStart, node.start).trim() === "";
}

/** The words of a language. */
export const WORDS: Readonly<
  Record<CodeLanguage, { true: string; false: string; none: string; not: string; and: string; or: string; end: string }>
> = {
  python: { true: "True", false: "False", none: "None", not: "not ", and: "and", or: "or", end: "" },
  javascript: { true: "true", false: "false", none: "undefined", not: "!", and: "&&", or: "||", end: ";" },
  typescript: { true: "true", false: "false", none: "undefined", not: "!", and: "&&", or: "||", end: ";" },
};
