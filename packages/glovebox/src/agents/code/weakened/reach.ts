import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";

/** What ends the block that it stands in. */
const ENDS = new Set([
  "return_statement",
  "raise_statement",
  "throw_statement",
  "continue_statement",
  "break_statement",
]);

/** Whether nothing keeps a statement in `body` from being reached, or what it throws from being seen. */
export function isReached(node: SyntaxNode, body: SyntaxNode): boolean {
  for (let at = node; at !== body && at.parent !== undefined; at = at.parent) {
    const { parent } = at;
    if (isAfterEnd(at, parent) || isInDeadBranch(at, parent) || isSwallowed(at, parent)) return false;
    // A function in the test that nobody calls; one that is given to something may be.
    if (isFunctionWithName(parent) && !isNamedElsewhere(parent, body)) return false;
  }
  return true;
}

function isAfterEnd(at: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type !== "block" && parent.type !== "statement_block") return false;
  for (const sibling of parent.children) {
    if (sibling === at) return false;
    if (ENDS.has(sibling.type)) return true;
  }
  return false;
}

function isInDeadBranch(at: SyntaxNode, parent: SyntaxNode): boolean {
  if (!/^(if_statement|while_statement|elif_clause)$/.test(parent.type) || at.field === "condition") return false;
  const condition = (childOf(parent, "condition")?.text.slice(0, 20) ?? "").replace(/^\(|\)$/g, "").trim();
  const isBody = at.field === "consequence" || at.field === "body";
  return isBody ? /^(False|false|0|None|null|undefined|""|'')$/.test(condition) : /^(True|true|1)$/.test(condition);
}

function isSwallowed(at: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type === "with_statement" && /\bsuppress\s*\(/.test(parent.text.slice(0, 200))) return at.field === "body";
  if (parent.type !== "try_statement" || at.field !== "body") return false;
  const handlers = namedChildren(parent).filter(({ type }) =>
    /^(except_clause|except_group_clause|catch_clause)$/.test(type),
  );
  return handlers.some(
    (handler) => ![...nodesOf(handler)].some(({ type }) => type === "raise_statement" || type === "throw_statement"),
  );
}

function isFunctionWithName(node: SyntaxNode): boolean {
  return node.type === "function_definition" || node.type === "function_declaration";
}

function isNamedElsewhere(definition: SyntaxNode, body: SyntaxNode): boolean {
  const name = childOf(definition, "name");
  if (name === undefined) return true;
  const wanted = name.text;
  for (const node of nodesOf(body))
    if (node.type === "identifier" && node !== name && node.text === wanted) return true;
  return false;
}
