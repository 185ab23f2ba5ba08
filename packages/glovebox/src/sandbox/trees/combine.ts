import { GloveboxError } from "../../core/index.ts";
import type { TreeFolder, TreeNode } from "./list.ts";
import { escapedNames } from "./names.ts";

/**
 * The present with chosen paths as they were in another tree; what was not there then goes. Folders on the way are taken from there where the present
 * has none. Errors: `invalid_path` for one that leads out, `not_found` for one that neither has.
 */
export function combineTrees(present: TreeFolder, chosen: TreeFolder, paths: readonly string[]): TreeFolder {
  let result = present;
  for (const path of paths) {
    const names = escapedNames(path);
    if (names === undefined) throw new GloveboxError("invalid_path", `'${path}' is not in the workspace`, at(path));
    if (names.length === 0) return chosen;
    if (find(present, names) === undefined && find(chosen, names) === undefined) {
      throw new GloveboxError("not_found", `neither the snapshot nor the workspace has '${path}'`, at(path));
    }
    result = replaced(result, chosen, names);
  }
  return result;
}

function at(path: string) {
  return { details: { path } };
}

function find(folder: TreeFolder, names: readonly string[]): TreeNode | undefined {
  let node: TreeNode | undefined = folder;
  for (const name of names) node = node?.kind === "dir" ? node.children.get(name) : undefined;
  return node;
}

/** A copy of `folder` in which what the names lead to is as in `chosen`. */
function replaced(folder: TreeFolder, chosen: TreeFolder | undefined, names: readonly string[]): TreeFolder {
  const [name = "", ...rest] = names;
  const children = new Map(folder.children);
  const [here, there] = [folder.children.get(name), chosen?.children.get(name)];
  if (rest.length === 0) {
    if (there === undefined) children.delete(name);
    else children.set(name, there);
  } else if (here?.kind === "dir" || there?.kind === "dir") {
    const below = here?.kind === "dir" ? here : { ...(there as TreeFolder), children: new Map() };
    // Where the snapshot has nothing and the present no folder, there is nothing to take away either.
    children.set(name, replaced(below, there?.kind === "dir" ? there : undefined, rest));
  }
  return { ...folder, children };
}
