import type { ActionRef } from "./action-source.ts";

/**
 * Whether a list allows an action. Each pattern is `owner/repo` or `owner/repo@ref`, where `*` stands for any text without `/` (in a ref also with
 * it): `actions/*`, `acme/deploy@v2`, `acme/*@*`. Without a ref any will do. Owners and names are compared without their case, refs with it.
 */
export function isAllowedAction(allow: readonly string[], { owner, repo, ref }: ActionRef): boolean {
  return allow.some((pattern) => {
    const [name = "", wantedRef = "*"] = pattern.split(/@(.*)/s);
    return fits(name.toLowerCase(), `${owner}/${repo}`.toLowerCase(), "[^/]*") && fits(wantedRef, ref, ".*");
  });
}

function fits(pattern: string, text: string, star: string): boolean {
  const source = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${source.join(star)}$`, "s").test(text);
}
