import type { Language } from "../../core/index.ts";
import { kernelArgv } from "../kernel/index.ts";
import type { FileTree } from "./file-tree.ts";

const LANGUAGES: readonly Language[] = ["python", "javascript", "typescript", "bash", "rust"];
const RUSTC = ["/usr/bin/rustc", "/usr/local/bin/rustc"];

/** The languages whose programs are in the tree, where kernels are started from. */
export function foundLanguages(tree: FileTree): Language[] {
  return LANGUAGES.filter((language) => {
    const [program] = kernelArgv(language) ?? [];
    return program === undefined ? RUSTC.some((path) => isProgram(tree, path)) : isProgram(tree, program);
  });
}

function isProgram(tree: FileTree, path: string): boolean {
  const node = tree.find(path.split("/"));
  return node?.kind === "file" && (node.mode & 0o111) !== 0;
}
