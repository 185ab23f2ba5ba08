import { GloveboxError } from "../../core/index.ts";

/** Bytes of each file that a program may write for the runner. */
export const MAX_FILE_BYTES = 1_048_576;
const MAX_ENTRIES = 10_000;

/**
 * The entries of a file such as GITHUB_ENV or GITHUB_OUTPUT: lines `NAME=value`, or `NAME<<DELIMITER`, the value's lines, and the delimiter on a line of
 * its own. Later ones of a name replace earlier ones. Errors: `invalid_argument`, with the runner's own words.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
 */
export function parseEntries(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const lines = text.split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (line === "") continue;
    const equals = line.indexOf("=");
    const heredoc = line.indexOf("<<");
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      add(entries, line.slice(0, equals), line.slice(equals + 1), line);
    } else if (heredoc >= 0) {
      const delimiter = line.slice(heredoc + 2);
      if (delimiter === "")
        throw invalid(`Invalid format '${line}'. Name must not be empty and delimiter must not be empty`);
      const end = lines.indexOf(delimiter, at + 1);
      if (end < 0) throw invalid(`Invalid value. Matching delimiter not found '${delimiter}'`);
      add(entries, line.slice(0, heredoc), lines.slice(at + 1, end).join("\n"), line);
      at = end;
    } else throw invalid(`Invalid format '${line}'`);
  }
  return entries;
}

/** The folders of a GITHUB_PATH file, in its order. */
export function parsePaths(text: string): readonly string[] {
  const paths = text.split(/\r\n|\n|\r/).filter((line) => line !== "");
  if (paths.length > MAX_ENTRIES) throw invalid(`more than ${MAX_ENTRIES} paths`);
  return paths;
}

function add(entries: Map<string, string>, name: string, value: string, line: string): void {
  if (name === "") throw invalid(`Invalid format '${line}'. Name must not be empty`);
  if (entries.size >= MAX_ENTRIES) throw invalid(`more than ${MAX_ENTRIES} entries`);
  if (name.includes("\0") || value.includes("\0")) throw invalid("a name or a value holds NUL");
  entries.set(name, value);
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message.slice(0, 1_000));
}
