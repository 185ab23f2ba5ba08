import { runGit } from "./git-process.ts";

/** A file, a symbolic link or a submodule of a commit. */
export interface TreeEntry {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly kind: "file" | "link" | "submodule";
  readonly isExecutable: boolean;
  /** Of the blob; of a submodule its commit. */
  readonly id: string;
  /** Bytes; 0 of a submodule. */
  readonly size: number;
}

const KINDS: Readonly<Record<string, TreeEntry["kind"]>> = {
  "100644": "file",
  "100755": "file",
  "100664": "file",
  "120000": "link",
  "160000": "submodule",
};

/** What is in a folder of a commit (`""` is the root), with everything below it when `deep`. Empty when there is no such folder. */
export async function listTree(
  gitDir: string,
  options: { readonly commit: string; readonly folder: string; readonly deep: boolean; readonly signal: AbortSignal },
): Promise<readonly TreeEntry[]> {
  const { commit, folder, deep, signal } = options;
  const where = folder === "" ? [] : ["--", `${folder}/`];
  // --full-tree: paths from the root. Literal: a path is no pattern.
  const args = ["--literal-pathspecs", "ls-tree", "-z", "-l", "--full-tree", ...(deep ? ["-r"] : []), commit, ...where];
  const text = (await runGit({ args, gitDir, signal, maxBytes: 64 << 20 })).toString("utf8");
  return text.split("\0").flatMap((line) => {
    const match = /^(\d{6}) \w+ ([0-9a-f]{40,64}) +(\d+|-)\t(.+)$/s.exec(line);
    if (match === null) return [];
    const [, mode = "", id = "", size = "", path = ""] = match;
    const kind = KINDS[mode];
    if (kind === undefined) return [];
    return [{ path, kind, isExecutable: mode === "100755", id, size: size === "-" ? 0 : Number(size) }];
  });
}
