import type { Language } from "../../../../core/index.ts";
import { parseCode, type SyntaxNode } from "../../../../syntax/index.ts";
import { javascriptImports } from "./javascript-imports.ts";
import { pythonImports } from "./python-imports.ts";
import { rustImports } from "./rust-imports.ts";

/** A package that code asks for: a top-level module of Python, a package of npm, a crate. */
export interface Import {
  readonly name: string;
  /** From 1; of its first import. */
  readonly line: number;
}

/** More say nothing new. */
const MAX_IMPORTS = 200;
/** No package's name is longer. */
const MAX_NAME = 214;

const READERS: Readonly<Partial<Record<Language, (root: SyntaxNode) => Iterable<Import>>>> = {
  python: pythonImports,
  javascript: javascriptImports,
  typescript: javascriptImports,
  rust: rustImports,
};

/**
 * The packages that code asks for, each once, as its syntax tree says: what a text or a comment imports is none. Files beside the code
 * are none either. Burns CPU: meant for a thread of its own.
 */
export async function readImports(code: string, language: Language): Promise<readonly Import[]> {
  const reader = READERS[language];
  if (reader === undefined) return [];
  const { root } = await parseCode(code, language);
  const found = new Map<string, Import>();
  for (const one of reader(root)) {
    if (one.name === "" || one.name.length > MAX_NAME || found.has(one.name)) continue;
    found.set(one.name, one);
    if (found.size === MAX_IMPORTS) break;
  }
  return [...found.values()];
}
