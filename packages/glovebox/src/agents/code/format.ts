import ruff from "@astral-sh/ruff-wasm-nodejs";
import { GloveboxError } from "../../core/index.ts";
import { isTrap } from "../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "./code-file.ts";

export interface FormatInput extends CodeFile {
  /** Columns of Python's lines, 40 to 320. Default 88. */
  readonly lineLength?: number;
  /** Of Python's texts. Default `"`. */
  readonly quote?: '"' | "'";
  /** Of Python, one level: spaces or a tab. Default four spaces. */
  readonly indent?: string;
}

/**
 * Code as its language's formatter writes it: Python as ruff does; of the others only the ends of lines and of the file are put in order. Errors: `invalid_argument`
 * for Python that does not parse.
 */
export function format({ lineLength = 88, quote = '"', indent = "    ", ...file }: FormatInput): string {
  const { language } = grammarOfFile(file);
  if (language !== "python") return `${file.text.replace(/[ \t]+$/gm, "").replace(/\n+$/, "")}\n`;
  const options = {
    "line-length": lineLength,
    ...(indent !== "\t" && { "indent-width": indent.length }),
    format: { "quote-style": quote === '"' ? "double" : "single", "indent-style": indent === "\t" ? "tab" : "space" },
  };
  const workspace = new ruff.Workspace(options, ruff.PositionEncoding.Utf16);
  try {
    const text = workspace.format(file.text);
    workspace.free();
    return text;
  } catch (error) {
    if (isTrap(error)) throw error;
    workspace.free();
    throw new GloveboxError(
      "invalid_argument",
      `${file.path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
