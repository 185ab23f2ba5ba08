import { childOf, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import { callOf, functionAround, memberOf } from "../view.ts";
import { type Operator, replace } from "./site.ts";

/** A call in an asynchronous function whose value is not waited for. */
export const waits: Operator = function* ({ node }) {
  const call = callOf(node);
  if (call === undefined || node.type === "new_expression" || /^await/.test(node.parent?.type ?? "")) return;
  const around = functionAround(node);
  if (around === undefined || !isAsync(around)) return;
  const name = memberOf(call.callee)?.property.text ?? call.callee.text;
  const isObject = memberOf(node.parent)?.object === node;
  const text = isObject ? `(await ${node.text})` : `await ${node.text}`;
  // What the file itself declares to be asynchronous is likelier than what nobody knows.
  yield replace("await", node, text, asyncNames(node).has(name) ? 1 : 0.7);
};

function isAsync(definition: SyntaxNode): boolean {
  return definition.children.some(({ type }) => type === "async");
}

function asyncNames(node: SyntaxNode): ReadonlySet<string> {
  let root = node;
  while (root.parent !== undefined) root = root.parent;
  const names = new Set<string>();
  for (const one of nodesOf(root)) if (isAsync(one)) names.add(childOf(one, "name")?.text ?? "");
  return names;
}
