import type { SyntaxNode } from "../../../syntax/index.ts";

const MAX_EXCERPT = 300;

/** The code of a node, cut: what is hostile is as long as its file. In UTF-16 units. */
export function excerptOf(node: SyntaxNode, most = MAX_EXCERPT): string {
  return node.text.slice(0, most);
}

/** The excerpt of a child under a name, or nothing when there is no such child. */
export function optional<K extends string>(key: K, node: SyntaxNode | undefined): { readonly [P in K]?: string } {
  return node === undefined ? {} : ({ [key]: excerptOf(node) } as { readonly [P in K]: string });
}
