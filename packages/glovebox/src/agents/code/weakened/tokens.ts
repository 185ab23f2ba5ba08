import { nodesOf, type SyntaxNode } from "../../../syntax/index.ts";

/** Of one piece of code; hostile ones are as long as their file. */
const MAX_TOKENS = 5_000;

/** Code without white space and comments: what means the same is the same. */
export function tokensOf(node: SyntaxNode): string {
  const tokens: string[] = [];
  let length = 0;
  for (const part of nodesOf(node)) {
    if (part.children.length > 0 || part.type === "comment") continue;
    tokens.push(part.text);
    length += part.end - part.start;
    if (length > MAX_TOKENS) break;
  }
  return tokens.join(" ").slice(0, MAX_TOKENS);
}
