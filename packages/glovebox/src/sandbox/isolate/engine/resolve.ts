import { builtinModules } from "node:module";
import { posix } from "node:path";
import type { KernelOptions } from "../../driver.ts";

export const WORKSPACE = "/workspace";

export type Resolver = NonNullable<KernelOptions["resolver"]>;

export const DEFAULT_RESOLVER: Resolver = {
  roots: ["."],
  extensions: [".js", ".mjs", ".ts"],
  allowAbsoluteRepoImports: false,
};

/** An error that the guest may see: its name is one of the closed list of codes. */
export class GuestError extends Error {
  constructor(code: string, message: string) {
    super(message);
    this.name = code;
  }
}

const BUILT_IN = new Set(builtinModules);

/** Where in the workspace `name`, asked for by a file in the folder `from`, may be; in order of preference. */
export function candidates(from: string, name: string, resolver: Resolver): string[] {
  if (name === "" || name.includes("\0")) throw new GuestError("invalid_path", "not the name of a module");
  const bases = baseNames(from, name, resolver);
  const found: string[] = [];
  for (const base of bases) {
    found.push(base);
    for (const extension of resolver.extensions) found.push(base + extension);
    for (const extension of resolver.extensions) found.push(`${base}/index${extension}`);
  }
  return found;
}

function baseNames(from: string, name: string, resolver: Resolver): string[] {
  if (/^\.\.?(\/|$)/.test(name)) return [inWorkspace(posix.join(from, name), name)];
  if (name.startsWith("/")) {
    if (!resolver.allowAbsoluteRepoImports) {
      throw new GuestError("module_not_allowed", `absolute imports are not allowed here: ${name}`);
    }
    return [inWorkspace(posix.join(WORKSPACE, name), name)];
  }
  if (BUILT_IN.has(name) || name.includes(":")) throw notOffered(name);
  return resolver.roots.map((root) => inWorkspace(posix.join(WORKSPACE, root, name), name));
}

/** Fails with `invalid_path` when the absolute path leads out of the workspace. */
export function inWorkspace(path: string, asked: string): string {
  const normal = posix.normalize(path);
  if (normal === WORKSPACE || normal.startsWith(`${WORKSPACE}/`)) return normal;
  throw new GuestError("invalid_path", `the path leads out of the workspace: ${asked.slice(0, 200)}`);
}

export function notOffered(name: string): GuestError {
  return new GuestError("module_not_allowed", `the module ${JSON.stringify(name)} is not offered to this session`);
}
