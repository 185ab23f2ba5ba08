import { callOf, functionAround, isRead, statementAround } from "../view.ts";
import { type Operator, replace } from "./site.ts";

/** Names that are tried in place of one. */
const MAX_NAMES = 8;

/** Another variable in scope, or a number's place taken by one. */
export const variables: Operator = function* ({ node, source, names }) {
  if (!isRead(node)) return;
  const own = statementAround(node);
  const inScope = names.variables(node).filter((name) => name !== node.text);
  if (functionAround(node) === undefined) return;
  const nearby = source.slice(Math.max(0, (own?.start ?? node.start) - 400), (own?.end ?? node.end) + 200);
  // Variables that are used nearby come first; those of the file itself last.
  const near = inScope.filter((name) => nearby.includes(name));
  const others = [
    ...near,
    ...inScope.filter((name) => !near.includes(name)),
    ...sameCase(node.text, names.moduleVariables()),
  ];
  const isCalled = node.parent !== undefined && callOf(node.parent)?.callee === node;
  if (isCalled) return;
  for (const [rank, name] of [...new Set(others)].slice(0, MAX_NAMES).entries()) {
    if (name !== node.text) yield replace("variable", node, name, rank < 4 ? 1 : 0.7);
  }
};

/** CONSTANTS for constants, variables for variables. */
function sameCase(name: string, others: readonly string[]): readonly string[] {
  const isConstant = (text: string) => /^[A-Z0-9_]+$/.test(text);
  return others.filter((other) => other !== name && isConstant(other) === isConstant(name));
}
