import { namedChildren, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { callOf, memberOf } from "../view.ts";
import { type Operator, operand, replace, type Site } from "./site.ts";

/** Bounds of slices: one beside, missing, too many, turned, or a length that was taken for an end. */
export const slices: Operator = function* (site) {
  yield* python(site);
  yield* javascript(site);
};

function* python({ node }: Site): Generator<Edit> {
  if (node.type !== "slice") return;
  const { from, to } = boundsOf(node);
  const [first, last] = [from?.text ?? "", to?.text ?? ""];
  const ways: [string, number][] = [];
  if (to === undefined) ways.push([`${first}:-1`, 0.9]);
  if (from === undefined) ways.push([`1:${last}`, 0.9]);
  if (from !== undefined) ways.push([`:${last}`, 0.6]);
  if (to !== undefined) ways.push([`${first}:`, 0.8]);
  if (from !== undefined && to !== undefined)
    ways.push([`${first}:${operand(from)} + ${operand(to)}`, 0.9], [`${last}:${first}`, 0.4]);
  if (from === undefined && to !== undefined) ways.push([`${last}:`, 0.7]);
  if (from !== undefined && to === undefined) ways.push([`:${first}`, 0.7], [`${operand(from)} + 1:`, 0.8]);
  for (const [text, weight] of ways) if (text !== node.text) yield replace("slice", node, text, weight);
}

function boundsOf(slice: SyntaxNode): { readonly from: SyntaxNode | undefined; readonly to: SyntaxNode | undefined } {
  const colon = slice.children.find(({ text }) => text === ":")?.start ?? slice.end;
  const parts = namedChildren(slice);
  return { from: parts.find(({ end }) => end <= colon), to: parts.find(({ start }) => start > colon) };
}

function* javascript({ node }: Site): Generator<Edit> {
  const call = callOf(node);
  if (call === undefined || !/^(slice|substring|subarray)$/.test(memberOf(call.callee)?.property.text ?? "")) return;
  const [from, to] = call.arguments;
  if (from === undefined) return;
  if (to === undefined) {
    yield replace("slice", call.list, `(${from.text}, -1)`, 0.8);
    yield replace("slice", call.list, `(0, ${from.text})`, 0.8);
  } else {
    yield replace("slice", call.list, `(${from.text}, ${operand(from)} + ${operand(to)})`, 0.9);
    yield replace("slice", call.list, `(${from.text})`, 0.8);
    yield replace("slice", call.list, `(0, ${to.text})`, 0.5);
  }
}
