import { childOf, namedChildren, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { callOf } from "../view.ts";
import { type Operator, replace, type Site } from "./site.ts";

const BUILT_IN = {
  python: ["ValueError", "KeyError", "IndexError", "TypeError", "RuntimeError", "LookupError"],
  javascript: ["RangeError", "TypeError", "Error"],
  typescript: ["RangeError", "TypeError", "Error"],
} as const;
const MAX_OTHERS = 7;

/** Another class of error thrown, or caught. */
export const exceptions: Operator = function* (site) {
  yield* thrown(site);
  yield* caught(site);
};

/** Those that the failures name, those of the file, those of the language. */
function others({ names, hints, language }: Site): readonly string[] {
  const named = hints.names.filter((name) => /(Error|Exception|Warning)$/.test(name));
  return [...new Set([...named, ...names.exceptions(), ...BUILT_IN[language]])];
}

function* thrown(site: Site): Generator<Edit> {
  const { node } = site;
  if (node.type !== "raise_statement" && node.type !== "throw_statement") return;
  const value = namedChildren(node)[0];
  const type = value === undefined ? undefined : (callOf(value)?.callee ?? value);
  if (type?.type !== "identifier") return;
  for (const other of others(site).slice(0, MAX_OTHERS)) {
    if (other !== type.text) yield replace("exception", type, other);
  }
}

function* caught(site: Site): Generator<Edit> {
  const { node } = site;
  if (node.type === "binary_expression" && node.children.some(({ text }) => text === "instanceof")) {
    const type = childOf(node, "right");
    for (const other of others(site).slice(0, MAX_OTHERS)) {
      if (type !== undefined && other !== type.text) yield replace("exception", type, other, 0.8);
    }
  }
  if (node.type !== "except_clause") return;
  const type = typeOf(node);
  if (type === undefined) return;
  const known = type.type === "tuple" ? namedChildren(type).map(({ text }) => text) : [type.text];
  for (const other of others(site).slice(0, MAX_OTHERS)) {
    if (known.includes(other)) continue;
    yield replace("exception", type, `(${[...known, other].join(", ")})`, 0.9);
    yield replace("exception", type, other, 0.7);
  }
}

function typeOf(clause: SyntaxNode): SyntaxNode | undefined {
  const value = childOf(clause, "value") ?? namedChildren(clause).find(({ type }) => type !== "block");
  return value?.type === "as_pattern" ? namedChildren(value)[0] : value;
}
