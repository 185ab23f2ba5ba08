import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { beginsLine, callOf, functionAround, indentOf, isStatement, memberOf } from "../view.ts";
import { type Operator, replace, type Site } from "./site.ts";

/** What is changed although others hold it: a default that all calls share, a list of the caller's, constants. */
export const sharing: Operator = function* (site) {
  yield* mutableDefault(site);
  yield* sharedAttribute(site);
  yield* copies(site);
  yield* givenThings(site);
};

const EMPTY = /^(list|dictionary|set|call)$/;

/** Python's `def f(x=[])`: None, and a new one in each call. */
function* mutableDefault({ node, source, language }: Site): Generator<Edit> {
  if (language !== "python" || !/^(typed_)?default_parameter$/.test(node.type)) return;
  const [name, value, around] = [childOf(node, "name"), childOf(node, "value"), functionAround(node)];
  const first = namedChildren(childOf(around, "body"))[0];
  if (name === undefined || value === undefined || first === undefined || !EMPTY.test(value.type)) return;
  const indent = indentOf(first, source);
  const fresh = `if ${name.text} is None:\n${indent}    ${name.text} = ${value.text}\n${indent}`;
  yield {
    kind: "default",
    start: value.start,
    end: first.start,
    text: `None${source.slice(value.end, first.start)}${fresh}`,
  };
}

/** An attribute of the class that is filled by its objects: one for each. */
function* sharedAttribute({ node, source, language }: Site): Generator<Edit> {
  if (language !== "python" || node.type !== "assignment") return;
  const [left, right] = [childOf(node, "left"), childOf(node, "right")];
  const statement = node.parent;
  const body = statement?.parent;
  if (
    left?.type !== "identifier" ||
    right === undefined ||
    !EMPTY.test(right.type) ||
    body?.parent?.type !== "class_definition"
  )
    return;
  const init = namedChildren(body).find((one) => childOf(one, "name")?.text === "__init__");
  const first = namedChildren(childOf(init, "body"))[0];
  if (statement === undefined || first === undefined || first.start < node.end) return;
  const indent = indentOf(first, source);
  const kept = source.slice(statement.end, first.start).replace(/^\s*\n[ \t]*/, "");
  yield {
    kind: "default",
    start: statement.start,
    end: first.start,
    text: `${kept}self.${left.text} = ${right.text}\n${indent}`,
  };
}

const CHANGING =
  /^(append|extend|insert|pop|popitem|remove|clear|sort|reverse|update|add|discard|setdefault|push|unshift|shift|splice|fill|set|delete)$/;

/** A parameter whose content is changed: a copy of it instead. */
function* givenThings({ node, source, language }: Site): Generator<Edit> {
  if (!isStatement(node) || !beginsLine(node, source)) return;
  const [inner] = node.type === "expression_statement" ? namedChildren(node) : [];
  const target = childOf(inner, "left");
  const changed = memberOf(callOf(inner ?? node)?.callee);
  const holder =
    target !== undefined && /^(subscript|attribute|member_expression)/.test(target.type)
      ? namedChildren(target)[0]
      : changed !== undefined && CHANGING.test(changed.property.text)
        ? changed.object
        : undefined;
  if (holder?.type !== "identifier" || !parametersOf(node).includes(holder.text)) return;
  const { text: name } = holder;
  const indent = indentOf(node, source);
  const ways = language === "python" ? [`${name}.copy()`] : [`[...${name}]`, `{ ...${name} }`];
  const end = language === "python" ? "" : ";";
  for (const way of ways)
    yield { kind: "copy", start: node.start, end: node.start, text: `${name} = ${way}${end}\n${indent}` };
}

function parametersOf(node: SyntaxNode): readonly string[] {
  const parameters = childOf(functionAround(node), "parameters");
  if (parameters === undefined) return [];
  return [...nodesOf(parameters)].filter(({ type }) => type === "identifier").map(({ text }) => text);
}

/** A copy in place of the thing itself. */
function* copies({ node, language }: Site): Generator<Edit> {
  const call = callOf(node);
  const object = memberOf(call?.callee)?.object;
  const method = memberOf(call?.callee)?.property.text ?? "";
  if (language === "python") {
    if (isGivenAway(node))
      for (const type of ["list", "dict"]) yield replace("copy", node, `${type}(${node.text})`, 0.7);
    return;
  }
  if (object !== undefined && /^(sort|reverse|splice)$/.test(method))
    yield replace("copy", object, `[...${object.text}]`);
  const first = call?.arguments[0];
  if (first !== undefined && call?.callee.text === "Object.assign") yield replace("copy", first, `{}, ${first.text}`);
  if (!isGivenAway(node)) return;
  yield replace("copy", node, `[...${node.text}]`, 0.6);
  yield replace("copy", node, `{ ...${node.text} }`, 0.6);
}

/** A name or an attribute that is returned or kept. */
function isGivenAway(node: SyntaxNode): boolean {
  if (node.type !== "identifier" && memberOf(node) === undefined) return false;
  return (
    node.parent?.type === "return_statement" || (node.field === "right" && /^assignment/.test(node.parent?.type ?? ""))
  );
}
