import { childOf, namedChildren, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Edit } from "../mutation.ts";
import { callOf, memberOf } from "../view.ts";
import { type Operator, operand, replace, type Site } from "./site.ts";

/** Bounds of slices: one beside, missing, too many, turned, a length that was taken for an end, the first instead of the last; and indices in the wrong order. */
export const slices: Operator = function* (site) {
  yield* turned(site);
  yield* python(site);
  yield* javascript(site);
};

/** `m[j][i]` for `m[i][j]`. */
function* turned({ node, source }: Site): Generator<Edit> {
  const outer = indexOf(node);
  const inner = outer === undefined ? undefined : indexOf(outer.object);
  if (outer === undefined || inner === undefined || inner.index.text === outer.index.text) return;
  const between = source.slice(inner.index.end, outer.index.start);
  const text = outer.index.text + between + inner.index.text;
  yield { kind: "swapped_arguments", start: inner.index.start, end: outer.index.end, text, weight: 0.7 };
}

function indexOf(node: SyntaxNode): { readonly object: SyntaxNode; readonly index: SyntaxNode } | undefined {
  if (!/^subscript(_expression)?$/.test(node.type)) return undefined;
  const object = childOf(node, "value") ?? childOf(node, "object");
  const index = childOf(node, "subscript") ?? childOf(node, "index");
  return object === undefined || index === undefined || index.type === "slice" ? undefined : { object, index };
}

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
  if (from === undefined && to !== undefined) ways.push([`${last}:`, 0.7], [`-${operand(to)}:`, 0.7]);
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
    if (from.text === "0") yield replace("slice", call.list, `(-${operand(to)})`, 0.7);
  }
}
