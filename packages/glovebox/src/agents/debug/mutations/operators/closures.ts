import { childOf, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import { isFunction } from "../view.ts";
import { type Operator, replace } from "./site.ts";

const MAX_NAMES = 2;

/** A function that is made in a loop and reads the loop's variable when it is called: it is given the value that the variable has when it is made. */
export const closures: Operator = function* ({ node, language }) {
  if (language !== "python") {
    // Shared by all rounds, where `let` is not.
    const isHead = node.type === "variable_declaration" && /^for_/.test(node.parent?.type ?? "");
    if (!isHead && node.type !== "for_in_statement") return;
    const word = node.children.find(({ type }) => type === "var");
    if (word !== undefined) yield { kind: "closure", start: word.start, end: word.end, text: "let" };
    return;
  }
  if (node.type !== "lambda") return;
  const body = childOf(node, "body");
  const parameters = childOf(node, "parameters");
  if (body === undefined) return;
  const own = new Set(parameters === undefined ? [] : namesIn(parameters));
  const read = new Set(namesIn(body));
  const late = loopNames(node).filter((name) => read.has(name) && !own.has(name));
  for (const name of late.slice(0, MAX_NAMES)) {
    const all = [parameters?.text, `${name}=${name}`].filter((part) => part !== undefined && part !== "").join(", ");
    yield replace("closure", node, `lambda ${all}: ${body.text}`);
  }
};

function namesIn(node: SyntaxNode): readonly string[] {
  return [...nodesOf(node)].filter(({ type }) => type === "identifier").map(({ text }) => text);
}

/** What the loops around give a value in each round, within one function. */
function loopNames(node: SyntaxNode): readonly string[] {
  const names: string[] = [];
  for (let at = node.parent; at !== undefined && !isFunction(at); at = at.parent) {
    const left = /^for_statement$/.test(at.type) ? childOf(at, "left") : undefined;
    const clauses = /comprehension|generator_expression/.test(at.type)
      ? at.children.filter(({ type }) => type === "for_in_clause").map((one) => childOf(one, "left"))
      : [];
    for (const target of [left, ...clauses]) if (target !== undefined) names.push(...namesIn(target));
  }
  return names;
}
