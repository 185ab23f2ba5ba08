import type { Edit } from "../mutation.ts";
import { callOf, functionAround, isRead, memberOf, statementAround } from "../view.ts";
import { type Operator, replace, type Site } from "./site.ts";

/** Names that are tried in place of one. */
const MAX_NAMES = 8;
const MAX_COMPUTED = 3;

/** Another variable in scope, or a number's place taken by one. */
export const variables: Operator = function* (site) {
  yield* named(site);
  yield* computed(site);
};

/** What was computed already, in place of a call that computes something. */
function* computed({ node, source, names }: Site): Generator<Edit> {
  const { parent } = node;
  if (callOf(node) === undefined || parent === undefined || /^(expression_statement|await)/.test(parent.type)) return;
  const own = statementAround(node);
  if (own === undefined || functionAround(node) === undefined || memberOf(parent)?.object === node) return;
  const before = source.slice(Math.max(0, own.start - 300), own.start);
  const near = names.variables(node).filter((name) => new RegExp(`\\b${name}\\s*=[^=]`).test(before));
  for (const name of near.slice(0, MAX_COMPUTED)) yield replace("variable", node, name, 0.5);
}

function* named({ node, source, names }: Site): Generator<Edit> {
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
}

/** CONSTANTS for constants, variables for variables. */
function sameCase(name: string, others: readonly string[]): readonly string[] {
  const isConstant = (text: string) => /^[A-Z0-9_]+$/.test(text);
  return others.filter((other) => other !== name && isConstant(other) === isConstant(name));
}
