import { createHash } from "node:crypto";
import { nodesOf, type SyntaxNode } from "../../../syntax/index.ts";

/** What is longer is kept by its beginning and the hash of the whole. */
const MAX_TOKENS = 5_000;

/** Code without white space and comments: what means the same is the same. */
export function tokensOf(node: SyntaxNode): string {
  const tokens: string[] = [];
  for (const part of nodesOf(node)) {
    if (part.children.length === 0 && part.type !== "comment") tokens.push(part.text);
  }
  const text = tokens.join(" ");
  if (text.length <= MAX_TOKENS) return text;
  return `${text.slice(0, MAX_TOKENS)} ${createHash("sha256").update(text).digest("hex")}`;
}
