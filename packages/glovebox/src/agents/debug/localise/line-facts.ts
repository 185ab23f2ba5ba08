import { childOf, nodesOf, parseCode, type SyntaxNode } from "../../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "../../code/code-file.ts";
import {
  binaryOf,
  callOf,
  conditionOf,
  functionAround,
  isFunction,
  isStatement,
  memberOf,
  statementAround,
} from "../mutations/view.ts";

/** What a line is for its function, as far as failures tell such lines apart. */
export type LineRole = "condition" | "loop" | "return" | "raise" | "handler" | "signature" | "declaration" | "other";

/** What can be seen of a line without running it. */
export interface LineFacts {
  readonly line: number;
  readonly role: LineRole;
  /** Operators, literals, calls, subscripts and attributes: how much there is to get wrong. */
  readonly points: number;
  readonly hasSubscript: boolean;
  readonly hasDivision: boolean;
  /** It raises an error on purpose. */
  readonly raises: boolean;
  /** The last statement of a function that gives back values elsewhere, and here does not. */
  readonly fallsOut: boolean;
  /** First and last line of the function around; absent outside of any. */
  readonly within?: readonly [number, number];
  /** Of declarations outside of functions: lines that read what is declared. Of signatures with defaults: of the function's body. */
  readonly usedAt: readonly number[];
}

/** A file longer than this is not looked at line by line. */
const MAX_LINES = 20_000;
const MAX_USES = 200;
const POINTS =
  /^(integer|float|number|string|true|false|subscript|subscript_expression|slice|unary_operator|unary_expression|update_expression|augmented_assignment.*)$/;

/** Facts of every line that has code, by line. The same for the same file. */
export async function lineFacts(file: CodeFile): Promise<readonly LineFacts[]> {
  const { root } = await parseCode(file.text, grammarOfFile(file).grammar);
  const found = new Map<number, Mutable>();
  const uses = usesIn(root);
  for (const node of nodesOf(root)) {
    if (!node.named || node.type.endsWith("comment") || node.parent === undefined || node.line > MAX_LINES) continue;
    if (isDocstring(node)) continue;
    const facts = found.get(node.line) ?? fresh(node);
    found.set(node.line, facts);
    count(facts, node);
    describe(facts, node, uses);
  }
  return [...found.values()].sort((a, b) => a.line - b.line);
}

/** Lines by name. */
type Uses = ReadonlyMap<string, readonly number[]>;
type Mutable = { -readonly [K in keyof LineFacts]: LineFacts[K] };

function fresh(node: SyntaxNode): Mutable {
  const around = functionAround(node);
  return {
    line: node.line,
    role: "other",
    points: 0,
    hasSubscript: false,
    hasDivision: false,
    raises: false,
    fallsOut: false,
    usedAt: [],
    ...(around !== undefined && { within: [around.line, around.endLine] as const }),
  };
}

function count(facts: Mutable, node: SyntaxNode): void {
  const binary = binaryOf(node);
  if (binary !== undefined || POINTS.test(node.type) || callOf(node) !== undefined || memberOf(node) !== undefined)
    facts.points += 1;
  if (/^subscript/.test(node.type)) facts.hasSubscript = true;
  if (binary !== undefined && /^(\/\/?|%)$/.test(binary.operator)) facts.hasDivision = true;
  if (/^(raise|throw)_statement$/.test(node.type)) facts.raises = true;
}

function describe(facts: Mutable, node: SyntaxNode, uses: Uses): void {
  const isLong = node.endLine > node.line;
  if (isFunction(node) && isLong && node.type !== "lambda" && node.type !== "arrow_function") {
    facts.role = "signature";
    facts.usedAt = hasDefaults(node) ? bodyLines(node) : [];
  }
  if (!isStatement(node)) {
    // A line that a declaration goes on in is part of it.
    const around = facts.role === "other" && functionAround(node) === undefined ? statementAround(node) : undefined;
    const names = around === undefined || isFunction(node) ? [] : declaredBy(around);
    if (names.length > 0) declare(facts, names, uses);
    return;
  }
  if (/^(while|for|do)/.test(node.type)) facts.role = "loop";
  else if (conditionOf(node) !== undefined) facts.role = "condition";
  else if (node.type === "return_statement") facts.role = "return";
  else if (/^(raise|throw)_statement$/.test(node.type)) facts.role = "raise";
  if (fallsOut(node)) facts.fallsOut = true;
  if (functionAround(node) !== undefined) return;
  const names = declaredBy(node);
  if (names.length > 0) declare(facts, names, uses);
}

function declare(facts: Mutable, names: readonly string[], uses: Uses): void {
  facts.role = "declaration";
  facts.usedAt = [...new Set(names.flatMap((name) => uses.get(name) ?? []))].slice(0, MAX_USES);
}

function isDocstring(node: SyntaxNode): boolean {
  const statement = statementAround(node);
  return statement?.type === "expression_statement" && statement.children[0]?.type === "string";
}

function hasDefaults(node: SyntaxNode): boolean {
  const parameters = childOf(node, "parameters");
  return (
    parameters !== undefined &&
    [...nodesOf(parameters)].some(
      ({ type, text, field }) => /default_parameter/.test(type) || (field === undefined && text === "="),
    )
  );
}

function bodyLines(node: SyntaxNode): readonly number[] {
  const body = childOf(node, "body");
  if (body === undefined) return [];
  const lines = Array.from({ length: Math.min(MAX_USES, body.endLine - body.line + 1) }, (_, at) => body.line + at);
  return lines.filter((line) => line !== node.line);
}

/** Where each name, also after a `.`, is read within functions. */
function usesIn(root: SyntaxNode): Uses {
  const uses = new Map<string, number[]>();
  for (const node of nodesOf(root)) {
    const isName = /^(identifier|property_identifier|private_property_identifier)$/.test(node.type);
    if (!isName || functionAround(node) === undefined) continue;
    const lines = uses.get(node.text) ?? [];
    uses.set(node.text, lines);
    if (lines.at(-1) !== node.line) lines.push(node.line);
  }
  return uses;
}

/** Names that a statement outside of functions gives a value: constants, and attributes of classes. */
function declaredBy(statement: SyntaxNode): readonly string[] {
  const names: string[] = [];
  for (const node of nodesOf(statement)) {
    if (isFunction(node) || functionAround(node) !== undefined) continue;
    const isTarget = node.field === "left" && node.parent?.type === "assignment";
    const value = childOf(node.parent, "value");
    const isDeclared =
      node.field === "name" &&
      node.parent?.type === "variable_declarator" &&
      !(value !== undefined && isFunction(value));
    if ((isTarget || isDeclared) && node.type === "identifier") names.push(node.text);
  }
  return names;
}

/** A statement at the end of a function, or of a branch at its end, that gives nothing back although others do. */
function fallsOut(node: SyntaxNode): boolean {
  const around = functionAround(node);
  if (node.type !== "expression_statement" || around === undefined || node.endLine < around.endLine - 1) return false;
  return [...nodesOf(around)].some(
    (one) => one.type === "return_statement" && functionAround(one) === around && one.children.length > 1,
  );
}
