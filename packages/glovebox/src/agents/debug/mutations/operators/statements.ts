import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import type { Names } from "../names.ts";
import {
  beginsLine,
  binaryOf,
  conditionOf,
  functionAround,
  indentOf,
  isSimple,
  isStatement,
  loopAround,
  WORDS,
} from "../view.ts";
import { type Operator, replace, type Site } from "./site.ts";

/** Statements of the same class or file that are tried beside another one. */
const MAX_INSERTED = 10;

/** Statements that lack a `return`, should not be there, are missing, or stand in the wrong order. */
export const statements: Operator = function* (site) {
  if (!isStatement(site.node) || !beginsLine(site.node, site.source)) return;
  yield* returns(site);
  yield* jumps(site);
  yield* updates(site);
  if (!isSimple(site.node)) return;
  yield* deletions(site);
  yield* moves(site);
  yield* insertions(site);
};

function* returns({ node, source, language, names }: Site): Generator<Edit> {
  const around = functionAround(node);
  if (around === undefined) return;
  const value = namedChildren(node)[0];
  const { end } = WORDS[language];
  if (node.type === "expression_statement" && value !== undefined && /^call/.test(value.type)) {
    const elsewhere = names.returned(node).some((text) => text !== "");
    yield replace("return", node, `return ${value.text}${end}`, elsewhere ? 1 : 0.5);
  }
  // What was just computed, given back at once.
  const assigned = assignedName(node);
  if (assigned !== undefined) {
    const indent = indentOf(node, source);
    yield { kind: "return", start: node.end, end: node.end, text: `\n${indent}return ${assigned}${end}`, weight: 0.5 };
  }
  if (node.type === "return_statement" && value !== undefined) {
    for (const other of names
      .returned(node)
      .filter((text) => text !== value.text && text.length <= 40)
      .slice(0, 4)) {
      yield replace("return", value, other, 0.4);
    }
  }
}

/** The name that a statement gives a value, or the value that it stores elsewhere. */
function assignedName(node: SyntaxNode): string | undefined {
  const inner =
    node.type === "expression_statement" || node.type === "lexical_declaration" ? namedChildren(node)[0] : undefined;
  const [left, right] = [childOf(inner, "left") ?? childOf(inner, "name"), childOf(inner, "right")];
  if (left?.type === "identifier") return left.text;
  return right?.type === "identifier" ? right.text : undefined;
}

function* jumps({ node, language, names }: Site): Generator<Edit> {
  const { end } = WORDS[language];
  const isBreak = node.type === "break_statement";
  if (!isBreak && node.type !== "continue_statement") return;
  yield replace("jump", node, `${isBreak ? "continue" : "break"}${end}`);
  const answers = new Set([...names.returned(node), WORDS[language].none]);
  for (const answer of [...answers].slice(0, 3))
    yield replace("jump", node, `return ${answer}${end}`.replace(" ;", ";"), 0.9);
}

function* deletions({ node, source, language }: Site): Generator<Edit> {
  const siblings = namedChildren(node.parent);
  if (language === "python" && siblings.length === 1) {
    yield replace("deletion", node, "pass");
    return;
  }
  // With its line, where it has one of its own.
  const next = source.indexOf("\n", node.end);
  const isAlone = next >= 0 && source.slice(node.end, next).trim() === "";
  const start = isAlone ? source.lastIndexOf("\n", node.start - 1) + 1 : node.start;
  yield { kind: "deletion", start, end: isAlone ? next + 1 : node.end, text: "" };
}

/** One line up or down. */
function* moves({ node, source }: Site): Generator<Edit> {
  const siblings = namedChildren(node.parent);
  const next = siblings[siblings.indexOf(node) + 1];
  if (next === undefined || !isSimple(next)) return;
  const between = source.slice(node.end, next.start);
  yield { kind: "move", start: node.start, end: next.end, text: next.text + between + node.text };
}

/** Statements that the class, or the file, has elsewhere: what is missing here is often written there. */
function* insertions({ node, source, names }: Site): Generator<Edit> {
  const own = functionAround(node);
  if (own === undefined) return;
  const indent = indentOf(node, source);
  const known = names
    .statements(node)
    .filter((one) => one.text !== node.text && one.endLine === one.line && fitsIn(one, node, names));
  // A function's own statements are there already: those of its neighbours first.
  const ranked = [
    ...known.filter((one) => functionAround(one) !== own),
    ...known.filter((one) => functionAround(one) === own),
  ];
  for (const { text } of ranked.slice(0, MAX_INSERTED)) {
    yield { kind: "insertion", start: node.start, end: node.start, text: `${text}\n${indent}` };
    if (node.type === "return_statement") continue;
    yield { kind: "insertion", start: node.end, end: node.end, text: `\n${indent}${text}`, weight: 0.9 };
  }
}

/** Whether a statement means something at another place: the variables that it has where it is are there too. */
function fitsIn(statement: SyntaxNode, place: SyntaxNode, names: Names): boolean {
  const [here, there] = [new Set(names.variables(statement)), new Set(names.variables(place))];
  return [...nodesOf(statement)].every(({ type, text }) => type !== "identifier" || !here.has(text) || there.has(text));
}

/** In loops: what the condition waits for, and what remembers the round before, brought up to date. */
function* updates({ node, source, language, names }: Site): Generator<Edit> {
  const loop = loopAround(node);
  if (loop === undefined || node.parent !== childOf(loop, "body")) return;
  const indent = indentOf(node, source);
  const { end } = WORDS[language];
  for (const [text, weight] of missing(loop, names.variables(node))) {
    yield { kind: "update", start: node.end, end: node.end, text: `\n${indent}${text}${end}`, weight };
  }
}

function* missing(loop: SyntaxNode, variables: readonly string[]): Generator<[string, number]> {
  const assigned = new Set([...nodesOf(loop)].flatMap((node) => changedBy(node)));
  const condition = conditionOf(loop);
  for (const node of condition === undefined ? [] : nodesOf(condition)) {
    const binary = binaryOf(node);
    if (binary?.family !== "comparison" || binary.left.type !== "identifier" || assigned.has(binary.left.text))
      continue;
    const name = binary.left.text;
    const sign = binary.operator.startsWith(">") ? "-" : "+";
    yield [`${name} ${sign}= 1`, 1];
    if (/^[\w.]+$/.test(binary.right.text) && !/^\d/.test(binary.right.text))
      yield [`${name} ${sign}= ${binary.right.text}`, 0.9];
    for (const { text } of eachRound(loop)) yield [`${name} ${sign}= ${text}`, 0.8];
  }
  // Read in every round, set in none: what remembers the round before.
  const body = childOf(loop, "body");
  const read = new Set(
    body === undefined ? [] : [...nodesOf(body)].filter(({ type }) => type === "identifier").map(({ text }) => text),
  );
  for (const name of variables) {
    if (!read.has(name) || assigned.has(name) || !/prev|last|before|old|seen|current/i.test(name)) continue;
    for (const { text } of eachRound(loop)) yield [`${name} = ${text}`, 0.9];
  }
}

/** The names that a loop gives to what it goes through. */
function eachRound(loop: SyntaxNode): readonly SyntaxNode[] {
  const left = childOf(loop, "left");
  return left === undefined ? [] : [...nodesOf(left)].filter(({ type }) => type === "identifier");
}

function changedBy(node: SyntaxNode): readonly string[] {
  if (node.type === "update_expression") return [childOf(node, "argument")?.text ?? ""];
  if (!/^(assignment|augmented_assignment)/.test(node.type)) return [];
  return [childOf(node, "left")?.text ?? ""];
}
