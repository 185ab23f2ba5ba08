import type { Language } from "../../core/index.ts";
import type { DocumentKind } from "../document.ts";
import { type Chunk, cutLines } from "./chunk.ts";
import { chunkProse } from "./chunk-prose.ts";

const LANGUAGES: Readonly<Record<string, Language>> = {
  py: "python",
  pyi: "python",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  ts: "typescript",
  mts: "typescript",
  cts: "typescript",
  sh: "bash",
  bash: "bash",
  rs: "rust",
};

/** The language of a path by its ending, where we can cut it. */
export function languageOfPath(path: string | undefined): Language | undefined {
  const ending = /\.([A-Za-z]+)$/.exec(path ?? "")?.[1];
  return ending === undefined ? undefined : LANGUAGES[ending.toLowerCase()];
}

/** The pieces of a document, in order; together they have every line that is not blank. */
export async function chunkDocument(kind: DocumentKind, path: string | undefined, content: string): Promise<Chunk[]> {
  const text = content.replaceAll("\r\n", "\n");
  if (kind === "code") {
    const language = languageOfPath(path);
    if (language === undefined) return cutLines(text.split("\n"), 1, text.split("\n").length);
    // Not before there is code: loading the parsers takes a new thread as long as all the rest.
    const { chunkCode } = await import("./chunk-code.ts");
    return chunkCode(text, language);
  }
  return chunkProse(text);
}
