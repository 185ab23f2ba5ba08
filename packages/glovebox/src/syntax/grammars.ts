import { fileURLToPath } from "node:url";
import type { Language as Grammar, Tree } from "@vscode/tree-sitter-wasm";
// CommonJS, whose names Node does not see: everything is on its default export.
import treeSitter from "@vscode/tree-sitter-wasm";
import type { Language } from "../core/index.ts";

/**
 * tree-sitter in WebAssembly, with grammars that are built already. Code that nobody has reviewed goes through these parsers, which are
 * written in C: in WebAssembly their worst is a trap or a full memory, and a thread that runs it can be ended at any instruction.
 */
const GRAMMAR_FILES = {
  python: "tree-sitter-python.wasm",
  javascript: "tree-sitter-javascript.wasm",
  typescript: "tree-sitter-typescript.wasm",
  // TypeScript with elements is a grammar of its own: `<T>x` means something else there.
  tsx: "tree-sitter-tsx.wasm",
  bash: "tree-sitter-bash.wasm",
  rust: "tree-sitter-rust.wasm",
} as const satisfies Readonly<Record<Language | "tsx", string>>;

/** A language, or a dialect that has a grammar of its own. */
export type GrammarName = keyof typeof GRAMMAR_FILES;

const grammars = new Map<GrammarName, Promise<Grammar>>();
let runtime: Promise<void> | undefined;

/** Loads the grammar of a language, once in a thread. */
export async function grammarOf(language: GrammarName): Promise<Grammar> {
  runtime ??= treeSitter.Parser.init();
  await runtime;
  let grammar = grammars.get(language);
  if (grammar === undefined) {
    const file = import.meta.resolve(`@vscode/tree-sitter-wasm/wasm/${GRAMMAR_FILES[language]}`);
    grammar = treeSitter.Language.load(fileURLToPath(file));
    grammars.set(language, grammar);
  }
  return await grammar;
}

/** The syntax tree of `code`, for as long as `use` takes: the memory of trees is not collected, it has to be freed. */
export async function withTree<T>(code: string, language: GrammarName, use: (tree: Tree) => T): Promise<T> {
  const grammar = await grammarOf(language);
  const parser = new treeSitter.Parser();
  try {
    parser.setLanguage(grammar);
    const tree = parser.parse(code);
    if (tree === null) throw new Error("the parser gave no tree");
    try {
      return use(tree);
    } finally {
      tree.delete();
    }
  } finally {
    parser.delete();
  }
}
