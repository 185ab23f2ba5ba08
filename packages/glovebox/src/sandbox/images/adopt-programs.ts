import type { FileTree } from "./file-tree.ts";

/** Kernels want this Node or a later one. */
const MIN_NODE_MAJOR = 24;

/** Where kernels are started from, and where images of others often have the same. */
const PYTHON = { wanted: "usr/bin/python3", elsewhere: ["usr/local/bin/python3"] };
const NODE = { wanted: "glovebox/bin/node", elsewhere: ["usr/local/bin/node", "usr/bin/node"] };

/**
 * Makes programs that an image has elsewhere reachable for kernels, by links. Of Node only the version is told, by the variable that Node's
 * own images set: without it none is assumed.
 */
export function adoptPrograms(tree: FileTree, env: readonly string[]): void {
  adopt(tree, PYTHON);
  const version = env.find((one) => one.startsWith("NODE_VERSION="))?.slice("NODE_VERSION=".length);
  if (Number.parseInt(version ?? "", 10) >= MIN_NODE_MAJOR) adopt(tree, NODE);
}

function adopt(
  tree: FileTree,
  { wanted, elsewhere }: { readonly wanted: string; readonly elsewhere: readonly string[] },
) {
  const path = wanted.split("/");
  if (tree.find(path)) return;
  const found = elsewhere.find((one) => tree.find(one.split("/"))?.kind === "file");
  if (found === undefined) return;
  tree.put(path, { kind: "link", target: `/${found}`, mode: 0o777, uid: 0, gid: 0, mtime: 0 });
}
