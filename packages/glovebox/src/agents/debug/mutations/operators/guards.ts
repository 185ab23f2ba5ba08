import { nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import {
  beginsLine,
  binaryOf,
  callOf,
  conditionOf,
  functionAround,
  indentOf,
  isRead,
  isStatement,
  loopAround,
  memberOf,
  WORDS,
} from "../view.ts";
import { type Operator, operand, replace, type Site } from "./site.ts";

/** Names of a statement that are guarded. */
const MAX_NAMES = 3;
const MAX_ANSWERS = 5;

/** What is there, what is not empty, what is no zero: asked before it is used. */
export const guards: Operator = function* (site) {
  yield* before(site);
  yield* within(site);
  yield* optional(site);
  yield* division(site);
};

/** `if not x: return …` before a statement. */
function* before({ node, source, language, names }: Site): Generator<Edit> {
  if (!isStatement(node) || !beginsLine(node, source) || functionAround(node) === undefined) return;
  if (node.type === "return_statement" && node.children.length === 1) return;
  const indent = indentOf(node, source);
  const isPython = language === "python";
  const isInLoop = loopAround(node) !== undefined;
  const answers = answersAt(node, names.returned(node), language);
  const ways = [
    ...answers.map((answer) => `return${answer === "" ? "" : ` ${answer}`}`),
    ...(isInLoop ? ["continue"] : []),
  ];
  for (const [rank, name] of guarded(node).entries()) {
    const tests = isPython
      ? [`not ${name}`]
      : [`${name} === undefined`, ...(/s$|list|items/i.test(name) ? [`${name}.length === 0`] : [])];
    for (const test of tests) {
      for (const [at, way] of ways.entries()) {
        const text = isPython ? `if ${test}:\n${indent}    ${way}\n${indent}` : `if (${test}) ${way};\n${indent}`;
        yield {
          kind: "guard",
          start: node.start,
          end: node.start,
          text,
          weight: (rank === 0 ? 1 : 0.7) * (at === 0 ? 1 : 0.7),
        };
      }
    }
  }
}

/** What the function gives back elsewhere, then what is empty. */
function answersAt(node: SyntaxNode, returned: readonly string[], language: Site["language"]): readonly string[] {
  const plain = returned.filter((text) => text.length <= 20 && /^[\w.[\]{}"'()-]*$/.test(text));
  const empty = language === "python" ? ["None", "0", "[]", '""', "False"] : ["undefined", "0", '""', "[]", "false"];
  const isInFunction = functionAround(node) !== undefined;
  return isInFunction ? [...new Set([...plain, ...empty])].slice(0, MAX_ANSWERS) : [];
}

/** Names and attributes that the first line of a statement uses as objects, arguments or operands. */
function guarded(statement: SyntaxNode): readonly string[] {
  const found = new Set<string>();
  for (const node of nodesOf(statement)) {
    if (node.line > statement.line) break;
    const { parent } = node;
    // `a!.b` uses `a` as `a.b` does.
    const user = parent?.type === "non_null_expression" ? parent.parent : parent;
    const isObject = user !== undefined && memberOf(user)?.object.text.replace(/!$/, "") === node.text;
    const isOwn = node.text === "self" || node.text === "this" || node.text === "cls";
    if (node.type === "identifier" && !isOwn && (isRead(node) || isObject)) found.add(node.text);
    const member = memberOf(node);
    if (member !== undefined && isObject && callOf(node) === undefined) found.add(node.text);
  }
  return [...found].slice(0, MAX_NAMES);
}

/** A condition that asks one thing more first. */
function* within({ node, language }: Site): Generator<Edit> {
  const condition = conditionOf(node);
  if (condition === undefined) return;
  const { and, or, not } = WORDS[language];
  for (const name of guarded(condition)) {
    yield replace("guard", condition, `${name} ${and} ${operand(condition)}`, 0.6);
    yield replace("guard", condition, `${not}${name} ${or} ${operand(condition)}`, 0.5);
    if (language !== "python") continue;
    for (const type of ["dict", "list", "str"]) {
      yield replace("guard", condition, `not isinstance(${name}, ${type}) or ${operand(condition)}`, 0.35);
      yield replace("guard", condition, `isinstance(${name}, ${type}) and ${operand(condition)}`, 0.35);
    }
  }
}

/** `a?.b` for `a.b`, and a value for what is nothing. */
function* optional({ node, language }: Site): Generator<Edit> {
  if (language === "python") return;
  const member = memberOf(node);
  if (
    member !== undefined &&
    member.object.text !== "this" &&
    !node.children.some(({ type }) => type === "optional_chain")
  ) {
    const object = member.object.type === "non_null_expression" ? member.object.text.slice(0, -1) : member.object.text;
    if (node.field !== "left") yield replace("guard", node, `${object}?.${member.property.text}`, 0.7);
  }
  const isValue = node.parent?.type === "return_statement" || node.field === "right" || node.field === "value";
  if (!isValue || !(memberOf(node) !== undefined || callOf(node) !== undefined || node.type === "subscript_expression"))
    return;
  for (const value of ["0", '""', "[]"]) yield replace("guard", node, `(${node.text} ?? ${value})`, 0.4);
}

/** Nothing is divided by zero. */
function* division({ node, language }: Site): Generator<Edit> {
  const binary = binaryOf(node);
  if (binary === undefined || !/^(\/\/?|%)$/.test(binary.operator) || /^\d/.test(binary.right.text)) return;
  const divisor = operand(binary.right);
  yield replace(
    "guard",
    node,
    language === "python" ? `(${node.text} if ${divisor} else 0)` : `(${divisor} === 0 ? 0 : ${node.text})`,
    0.8,
  );
}
