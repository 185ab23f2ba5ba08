import { GloveboxError } from "../../core/index.ts";
import { type CodeFile, languageOf } from "../code/code-file.ts";
import type { CodeThreads } from "../code/code-threads.ts";
import type { Layout } from "../layout/layout.ts";

export interface Formatting {
  readonly layout: Layout;
  readonly code: CodeThreads;
  readonly signal: AbortSignal;
}

/** Code as its formatter writes it, where the file is new or was written by it before: others' lines stay as they are. */
export async function formatted(
  { path, before, text }: { readonly path: string; readonly before: string | null; readonly text: string },
  { layout, code, signal }: Formatting,
): Promise<string> {
  await checkParses({ path, text }, { code, signal });
  if (languageOf(path) === undefined) return text;
  const { lineLength, quote, indent } = layout;
  const style = { quote, indent, ...(lineLength !== undefined && { lineLength }) };
  const asFormatted = (one: string) => code.call("format", { path, text: one, ...style }, { signal });
  const wasFormatted = before === null || (await asFormatted(before).catch(() => undefined)) === before;
  return wasFormatted ? await asFormatted(text) : text;
}

/** `invalid_argument` with the places for what is no code of its language; files of other languages are not looked at, but JSON has to be some. */
export async function checkParses(file: CodeFile, { code, signal }: Omit<Formatting, "layout">): Promise<void> {
  if (file.path.endsWith(".json")) return checkJson(file);
  if (languageOf(file.path) === undefined) return;
  const problems = await code.call("check", file, { signal });
  const [first] = problems;
  if (first === undefined) return;
  const { line, column, message } = first;
  throw new GloveboxError(
    "invalid_argument",
    `${file.path} does not parse: line ${line}, column ${column}: ${message}`,
    {
      details: { path: file.path, problems },
    },
  );
}

function checkJson({ path, text }: CodeFile): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new GloveboxError("invalid_argument", `${path} is no JSON: ${error instanceof Error ? error.message : ""}`);
  }
}
