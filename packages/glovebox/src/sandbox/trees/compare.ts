import type { SnapshotChange } from "../../core/index.ts";
import type { TreeFolder, TreeNode } from "./list.ts";
import { shownName } from "./names.ts";

/** What differs between two trees, by name. Only times that differ are no difference. */
export function* compareTrees(before: TreeFolder, after: TreeFolder, path = ""): Generator<SnapshotChange> {
  const names = new Set([...before.children.keys(), ...after.children.keys()]);
  for (const name of [...names].sort()) {
    const [a, b] = [before.children.get(name), after.children.get(name)];
    const full = path + shownName(name);
    if (a !== undefined && b !== undefined && a.kind === b.kind) {
      if (differ(a, b)) yield { path: full, change: "modified", kind: a.kind, ...sizes(a, b) };
      if (a.kind === "dir" && b.kind === "dir") yield* compareTrees(a, b, `${full}/`);
      continue;
    }
    if (a !== undefined) yield* whole(a, full, "removed");
    if (b !== undefined) yield* whole(b, full, "added");
  }
}

function* whole(node: TreeNode, path: string, change: "added" | "removed"): Generator<SnapshotChange> {
  yield { path, change, kind: node.kind, ...(change === "added" ? sizes(undefined, node) : sizes(node, undefined)) };
  if (node.kind !== "dir") return;
  for (const name of [...node.children.keys()].sort()) {
    const child = node.children.get(name);
    if (child !== undefined) yield* whole(child, `${path}/${shownName(name)}`, change);
  }
}

function differ(a: TreeNode, b: TreeNode): boolean {
  if (a.kind === "symlink") return b.kind !== "symlink" || a.target !== b.target;
  if (b.kind === "symlink" || a.mode !== b.mode) return true;
  return a.kind === "file" && (b.kind !== "file" || a.hash !== b.hash);
}

function sizes(
  before: TreeNode | undefined,
  after: TreeNode | undefined,
): Pick<SnapshotChange, "sizeBefore" | "sizeAfter"> {
  return {
    ...(before?.kind === "file" && { sizeBefore: before.size }),
    ...(after?.kind === "file" && { sizeAfter: after.size }),
  };
}
