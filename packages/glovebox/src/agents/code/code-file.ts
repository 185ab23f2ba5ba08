import { GloveboxError } from "../../core/index.ts";
import type { GrammarName } from "../../syntax/index.ts";

/** The languages whose code agents read and write. */
export type CodeLanguage = "python" | "typescript" | "javascript";

/** A file of code, as calls are given it. */
export interface CodeFile {
  /** In the repository; its ending says the language. */
  readonly path: string;
  readonly text: string;
}

const GRAMMARS: Readonly<Record<string, readonly [CodeLanguage, GrammarName]>> = {
  py: ["python", "python"],
  pyi: ["python", "python"],
  ts: ["typescript", "typescript"],
  mts: ["typescript", "typescript"],
  cts: ["typescript", "typescript"],
  tsx: ["typescript", "tsx"],
  js: ["javascript", "javascript"],
  mjs: ["javascript", "javascript"],
  cjs: ["javascript", "javascript"],
  jsx: ["javascript", "javascript"],
};

/** Longer files are not read: people do not write them. In UTF-16 units. */
export const MAX_CODE_LENGTH = 1024 * 1024;

function endingOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}

/** The language of a file by its ending; `undefined` for every other. */
export function languageOf(path: string): CodeLanguage | undefined {
  return GRAMMARS[endingOf(path)]?.[0];
}

/** What a file is parsed as. Errors: `invalid_argument` for other languages, `payload_too_large` above a MiB of text. */
export function grammarOfFile({ path, text }: CodeFile): { language: CodeLanguage; grammar: GrammarName } {
  const known = GRAMMARS[endingOf(path)];
  if (known === undefined)
    throw new GloveboxError("invalid_argument", `${path}: code is read of .py, .ts and .js files, and their variants`);
  if (text.length > MAX_CODE_LENGTH)
    throw new GloveboxError("payload_too_large", `${path}: more than ${MAX_CODE_LENGTH} UTF-16 units of code`);
  return { language: known[0], grammar: known[1] };
}
