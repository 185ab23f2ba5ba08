import type { SyntaxNode } from "../../../../syntax/index.ts";
import type { CodeLanguage } from "../../../code/code-file.ts";
import type { Edit } from "../mutation.ts";
import type { Names } from "../names.ts";

/** A node at a suspicious line, with what operators know of its file. */
export interface Site {
  readonly node: SyntaxNode;
  readonly source: string;
  readonly language: CodeLanguage;
  readonly names: Names;
  /** Numbers and names that the failures speak of, most telling first. */
  readonly hints: Hints;
}

export interface Hints {
  readonly numbers: readonly string[];
  readonly texts: readonly string[];
  readonly names: readonly string[];
}

/** Proposes changes at a node; none where it has nothing to say. */
export type Operator = (site: Site) => Iterable<Edit>;

/** Puts another text in place of a node. */
export function replace(kind: Edit["kind"], node: SyntaxNode, text: string, weight?: number): Edit {
  return { kind, start: node.start, end: node.end, text, ...(weight !== undefined && { weight }) };
}

const ATOMS = new Set([
  "identifier",
  "integer",
  "number",
  "float",
  "string",
  "call",
  "call_expression",
  "attribute",
  "member_expression",
  "subscript",
  "subscript_expression",
  "parenthesized_expression",
  "list",
  "tuple",
  "array",
  "this",
]);

/** The node's text as an operand: in parentheses unless it needs none. */
export function operand(node: SyntaxNode): string {
  return ATOMS.has(node.type) ? node.text : `(${node.text})`;
}
