import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { GloveboxError } from "../../core/index.ts";

/** One entry of a captured tree. Text (names, targets) is percent-escaped as in the list, so that it is ASCII without spaces. */
export type TreeNode =
  | (Common & { readonly kind: "dir"; readonly children: Map<string, TreeNode> })
  | (Common & {
      readonly kind: "file";
      readonly size: number;
      /** Of that, what is neither a hole nor zeros. */
      readonly bytes: number;
      readonly hash: string;
      /** Files with the same have the same inode; 0: a file with one name. */
      readonly group: string;
    })
  | (Omit<Common, "mode"> & { readonly kind: "symlink"; readonly target: string })
  | (Common & { readonly kind: "pipe" });

interface Common {
  /** Octal. */
  readonly mode: string;
  /** Seconds since the epoch, with nine decimals. */
  readonly mtime: string;
}
export type TreeFolder = TreeNode & { readonly kind: "dir" };

/** Reads the list of a capture. `source` tells the inodes of different lists apart. Errors: `snapshot_corrupt`. */
export async function readTree(path: string, source: string): Promise<TreeFolder> {
  const open: TreeFolder[] = [];
  const groups = new Map<string, TreeNode>();
  for await (const line of createInterface({ input: createReadStream(path, "latin1"), crlfDelay: 0 })) {
    const [kind = "", ...words] = line.split(" ");
    if (kind === "R") {
      open.push({ kind: "dir", mode: words[0] ?? "", mtime: words[1] ?? "", children: new Map() });
      continue;
    }
    const depth = Number(words[0]);
    const parent = open[depth];
    const name = words.at(-1);
    const node = parseNode(kind, words, (group) => `${source}/${group}`, groups);
    if (parent === undefined || name === undefined || node === undefined) throw corrupt();
    parent.children.set(name, node);
    open.length = depth + 1;
    if (node.kind === "dir") open.push(node);
  }
  const [root] = open;
  if (root === undefined) throw corrupt();
  return root;
}

function parseNode(
  kind: string,
  words: readonly string[],
  groupOf: (group: string) => string,
  groups: Map<string, TreeNode>,
): TreeNode | undefined {
  const [, a = "", b = "", c = "", d = "", e = "", f = ""] = words;
  switch (kind) {
    case "D":
      return { kind: "dir", mode: a, mtime: b, children: new Map() };
    case "F": {
      const group = f === "0" ? "0" : groupOf(f);
      const file = { kind: "file", mode: a, mtime: b, size: Number(c), bytes: Number(d), hash: e, group } as const;
      if (group !== "0") groups.set(group, file);
      return file;
    }
    case "H":
      return groups.get(groupOf(a));
    case "L":
      return { kind: "symlink", mtime: a, target: b };
    case "P":
      return { kind: "pipe", mode: a, mtime: b };
    default:
      return undefined;
  }
}

/** The list of a tree, line by line, as `native/trees` reads it. */
export function* writeTree(root: TreeFolder): Generator<string> {
  yield `R ${root.mode} ${root.mtime}\n`;
  yield* writeFolder(root, 0, new Map());
}

function* writeFolder(folder: TreeFolder, depth: number, groups: Map<string, number>): Generator<string> {
  for (const [name, node] of folder.children) {
    if (node.kind === "dir") {
      yield `D ${depth} ${node.mode} ${node.mtime} ${name}\n`;
      yield* writeFolder(node, depth + 1, groups);
    } else if (node.kind === "symlink") yield `L ${depth} ${node.mtime} ${node.target} ${name}\n`;
    else if (node.kind === "pipe") yield `P ${depth} ${node.mode} ${node.mtime} ${name}\n`;
    else {
      const known = groups.get(node.group);
      if (known !== undefined) yield `H ${depth} ${known} ${name}\n`;
      else {
        const group = node.group === "0" ? 0 : groups.size + 1;
        if (group > 0) groups.set(node.group, group);
        yield `F ${depth} ${node.mode} ${node.mtime} ${node.size} ${node.bytes} ${node.hash} ${group} ${name}\n`;
      }
    }
  }
}

function corrupt(): GloveboxError {
  return new GloveboxError("snapshot_corrupt", "the list of the snapshot's files cannot be read");
}
