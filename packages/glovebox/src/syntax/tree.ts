import type { TreeCursor } from "@vscode/tree-sitter-wasm";
import { GloveboxError } from "../core/index.ts";
import { type GrammarName, withTree } from "./grammars.ts";

/** Code has fewer nodes than this or is refused: a node of ours takes about 150 bytes. */
const MAX_NODES = 600_000;

/** A node of a syntax tree, as plain data that outlives the parser. */
export interface SyntaxNode {
  /** As the grammar names it: `call`, `string`, `(`. */
  readonly type: string;
  /** Whether the grammar names it, as it does not name `(`. */
  readonly named: boolean;
  /** What it is for its parent: `function`, `arguments`. */
  readonly field: string | undefined;
  readonly parent: SyntaxNode | undefined;
  readonly children: SyntaxNode[];
  /** Offsets in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** From 1. Columns count UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly text: string;
}

export interface SyntaxProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** How many syntax errors are told; more say nothing new. */
const MAX_ERRORS = 20;

export interface SyntaxTree {
  readonly root: SyntaxNode;
  readonly errors: readonly SyntaxProblem[];
}

/** Parses code. Grammars recover from errors, so that there is always a tree. `payload_too_large` when it has more than 600,000 nodes. */
export async function parseCode(code: string, language: GrammarName): Promise<SyntaxTree> {
  return await withTree(code, language, (tree) => {
    const cursor = tree.walk();
    try {
      return copyOf(cursor, code);
    } finally {
      cursor.delete();
    }
  });
}

/** Without recursion: hostile code nests as deep as it is long. */
function copyOf(cursor: TreeCursor, code: string): SyntaxTree {
  const errors: SyntaxProblem[] = [];
  let count = 0;
  const visit = (parent: SyntaxNode | undefined): SyntaxNode => {
    count += 1;
    if (count > MAX_NODES) throw new GloveboxError("payload_too_large", `the code has more than ${MAX_NODES} nodes`);
    const node = plainNode(cursor, code, parent);
    const isError = node.type === "ERROR" && parent?.type !== "ERROR";
    if ((isError || cursor.nodeIsMissing) && errors.length < MAX_ERRORS) errors.push(errorOf(cursor, node));
    parent?.children.push(node);
    return node;
  };
  const root = visit(undefined);
  let at = root;
  for (;;) {
    if (cursor.gotoFirstChild()) {
      at = visit(at);
      continue;
    }
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent() || at.parent === undefined) return { root, errors };
      at = at.parent;
    }
    at = visit(at.parent);
  }
}

function plainNode(cursor: TreeCursor, code: string, parent: SyntaxNode | undefined): SyntaxNode {
  const { startPosition, endPosition, startIndex: start, endIndex: end } = cursor;
  return {
    type: cursor.nodeType,
    named: cursor.nodeIsNamed,
    field: cursor.currentFieldName ?? undefined,
    parent,
    children: [],
    start,
    end,
    line: startPosition.row + 1,
    column: startPosition.column + 1,
    endLine: endPosition.row + 1,
    get text() {
      return code.slice(start, end);
    },
  };
}

function errorOf(cursor: TreeCursor, node: SyntaxNode): SyntaxProblem {
  const message = cursor.nodeIsMissing
    ? `${node.type} is missing`
    : `cannot read ${JSON.stringify(node.text.slice(0, 40))}`;
  return { line: node.line, column: node.column, message };
}

/** Every node below and including `root`, parents before children, in the order of the code. */
export function* nodesOf(root: SyntaxNode): Generator<SyntaxNode> {
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node;
    for (let at = node.children.length - 1; at >= 0; at -= 1) stack.push(node.children[at] as SyntaxNode);
  }
}

/** The child that is `field` for its parent. */
export function childOf(node: SyntaxNode | undefined, field: string): SyntaxNode | undefined {
  return node?.children.find((child) => child.field === field);
}

/** The children that the grammar names, without comments. */
export function namedChildren(node: SyntaxNode | undefined): readonly SyntaxNode[] {
  return node?.children.filter(({ named, type }) => named && !type.endsWith("comment")) ?? [];
}
