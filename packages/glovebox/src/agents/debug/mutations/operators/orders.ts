import type { SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { callOf, memberOf } from "../view.ts";
import { type Operator, operand, replace, type Site } from "./site.ts";

/** Sorting by something else, or the other way round: numbers are sorted as texts in JavaScript unless one says otherwise. */
export const orders: Operator = function* (site) {
  const call = callOf(site.node);
  if (call === undefined) return;
  const name = memberOf(call.callee)?.property.text ?? call.callee.text;
  if (site.language === "python") yield* python(name, call);
  else if (/^(sort|toSorted)$/.test(name) && call.arguments.length === 0) {
    yield replace("order", call.list, "((a, b) => a - b)");
    yield replace("order", call.list, "((a, b) => b - a)", 0.8);
  }
};

function* python(
  name: string,
  { list, arguments: given }: { readonly list: SyntaxNode; readonly arguments: readonly SyntaxNode[] },
): Generator<Edit> {
  if (!/^(sort|sorted)$/.test(name) || given.some(({ text }) => /^reverse\b/.test(text))) return;
  const all = [...given.map(({ text }) => text), "reverse=True"].join(", ");
  yield replace("order", list, `(${all})`);
}

/** `-(-a // b)`: what is begun counts. */
export const rounding: Operator = function* ({ node, language }: Site) {
  if (language !== "python" || node.type !== "binary_operator") return;
  const [left, operator, right] = node.children;
  if (left === undefined || right === undefined || operator?.text !== "//") return;
  yield replace("rounding", node, `-(-${operand(left)} // ${right.text})`);
};
