import { childOf, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { tokensOf } from "./tokens.ts";

const BRANCH =
  /^(if_statement|elif_clause|while_statement|for_statement|for_in_statement|do_statement|case_clause|switch_case|match_statement|switch_statement|conditional_expression|ternary_expression|with_statement|list_comprehension|set_comprehension|dictionary_comprehension|generator_expression)$/;
const CHOICE = /^(boolean_operator|binary_expression)$/;
const TARGETS: Readonly<Record<string, string>> = {
  assignment: "left",
  augmented_assignment: "left",
  named_expression: "name",
  for_statement: "left",
  for_in_statement: "left",
  as_pattern: "alias",
  variable_declarator: "name",
  assignment_expression: "left",
  augmented_assignment_expression: "left",
  update_expression: "argument",
  function_declaration: "name",
  class_declaration: "name",
  function_definition: "name",
  class_definition: "name",
};
const FUNCTION =
  /^(arrow_function|function_expression|generator_function|function_declaration|function_definition|lambda|method_definition)$/;

/** What decides whether a statement of a test is come to, outermost first: `if`, loops, choices; as tokens. */
export function conditionsOf(node: SyntaxNode, body: SyntaxNode): readonly string[] {
  const found: string[] = [];
  for (let at = node; at !== body && at.parent !== undefined; at = at.parent) {
    const { parent } = at;
    if (parent !== body && FUNCTION.test(parent.type)) found.push(`=> ${userOf(parent)}`);
    if (BRANCH.test(parent.type)) found.push(`${headOf(parent, at)} :`);
    // `a and b`: whether b is come to depends on a.
    else if (CHOICE.test(parent.type) && at.field === "right") {
      const operator = childOf(parent, "operator")?.text ?? parent.children[1]?.text ?? "";
      if (/^(and|or|&&|\|\||\?\?)$/.test(operator))
        found.push(`${tokensOf(childOf(parent, "left") ?? parent)} ${operator}`);
    }
  }
  return found.reverse();
}

/** What a function is given to, which says whether it is called: `[].forEach`. */
function userOf(given: SyntaxNode): string {
  const call = given.parent?.parent;
  const called = given.parent?.type.startsWith("argument") === true ? childOf(call, "function") : undefined;
  return called === undefined ? (given.parent?.type ?? "") : tokensOf(called);
}

/** What a branch asks, without what it holds; with the side that a statement stands on. */
function headOf(branch: SyntaxNode, at: SyntaxNode): string {
  const asked = branch.children.filter(
    ({ type, field }) => field !== "body" && field !== "consequence" && field !== "alternative" && type !== "block",
  );
  return `${asked.map(tokensOf).join(" ")} ${at.field ?? ""}`;
}

/** The names that a node gives a value, each with the whole of it. */
export function overwritten(node: SyntaxNode): readonly string[] {
  const field = TARGETS[node.type];
  const target = field === undefined ? undefined : (childOf(node, field) ?? node.children.at(-1));
  if (target === undefined || /^(function|class)_/.test(target.type)) return [];
  const whole = FUNCTION.test(node.type) ? "" : tokensOf(node);
  const names = [...nodesOf(target)].filter(({ type }) => /identifier/.test(type)).map(({ text }) => text);
  return names.map((name) => `${name} ${whole}`);
}

/** Whether a statement ends the test itself, and not a function within it. */
export function isEnd(node: SyntaxNode, body: SyntaxNode): boolean {
  if (node.type !== "return_statement" && node.type !== "raise_statement" && node.type !== "throw_statement")
    return false;
  for (let at = node.parent; at !== undefined && at !== body; at = at.parent) if (FUNCTION.test(at.type)) return false;
  return true;
}
