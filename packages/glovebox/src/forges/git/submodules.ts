import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { runGit } from "./git-process.ts";
import type { GitRepository } from "./git-repository.ts";

export interface Submodule {
  /** Where it is in its parent. */
  readonly path: string;
  readonly commit: string;
  /** As everybody may read it: a repository has no say over what else its credentials open. */
  readonly remote: GitRemote;
}

const MAX_SUBMODULES = 100;

/** The submodules of a commit that is here. `permission_denied` for one that is not on the same host: whoever can write `.gitmodules` would choose where this server asks. */
export async function submodulesOf(
  git: GitRepository,
  remote: GitRemote,
  commit: string,
  signal: AbortSignal,
): Promise<readonly Submodule[]> {
  const content = await git.readFile(commit, ".gitmodules", { signal, maxBytes: 1 << 16 });
  if (content === undefined) return [];
  const urls = await readModules(content.toString("utf8"), signal);
  const entries = await git.list(commit, "", { signal, deep: true });
  const modules = entries.filter(({ kind }) => kind === "submodule");
  if (modules.length > MAX_SUBMODULES) {
    throw new GloveboxError("resource_exhausted", `a repository with more than ${MAX_SUBMODULES} submodules`);
  }
  return modules.map(({ path, id }) => {
    const url = urls.get(path);
    if (url === undefined) throw new GloveboxError("workspace_invalid", `.gitmodules says nothing of ${path}`);
    return { path, commit: id, remote: { url: resolveUrl(url, remote) } };
  });
}

/** URLs by path. Git reads it, so that it means here what it means there; it follows no includes in what comes from stdin. */
async function readModules(text: string, signal: AbortSignal): Promise<Map<string, string>> {
  const args = ["config", "--no-includes", "-z", "--file", "-", "--get-regexp", "^submodule\\..*\\.(path|url)$"];
  const listed = await runGit({ args, input: text, signal, maxBytes: 1 << 18 });
  const found = new Map<string, { path?: string; url?: string }>();
  for (const item of listed.toString("utf8").split("\0")) {
    const [key = "", value = ""] = item.split(/\n(.*)/s);
    const match = /^submodule\.(.*)\.(path|url)$/s.exec(key);
    if (match === null) continue;
    const [, name = "", field = ""] = match;
    found.set(name, { ...found.get(name), [field]: value });
  }
  return new Map([...found.values()].flatMap(({ path, url }) => (path && url ? [[path, url] as const] : [])));
}

function resolveUrl(url: string, remote: GitRemote): string {
  const base = URL.parse(`${remote.url.replace(/\/$/, "")}/`);
  const resolved = base === null ? null : /^\.\.?\//.test(url) ? URL.parse(url, base.href) : URL.parse(url);
  if (base !== null && resolved?.origin === base.origin && resolved.username === "" && resolved.password === "") {
    return resolved.href;
  }
  throw new GloveboxError(
    "permission_denied",
    `a submodule that is not on its repository's host: ${url.slice(0, 200)}`,
  );
}
