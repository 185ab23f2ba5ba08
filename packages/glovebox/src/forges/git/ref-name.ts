import { GloveboxError } from "../../core/index.ts";

/** As git's own rules, and no pattern: `ls-remote` would take one. */
export function isRefName(ref: string): boolean {
  if (ref.length === 0 || ref.length > 512 || ref.startsWith("-") || ref.startsWith("/") || ref.endsWith("/"))
    return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock(\/|$)|(^|\/)\./.test(ref);
}

/** `refs/heads/<branch>`. `invalid_argument` for what is no branch's name, or would be taken for another ref. */
export function branchRef(branch: string): string {
  if (isRefName(branch) && !branch.startsWith("refs/") && branch !== "HEAD" && branch !== "@" && !branch.endsWith("."))
    return `refs/heads/${branch}`;
  throw new GloveboxError("invalid_argument", "not the name of a branch", { details: { path: "branch" } });
}
