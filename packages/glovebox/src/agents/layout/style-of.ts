import type { CodeLanguage } from "../code/code-file.ts";
import type { Layout } from "./layout.ts";

/** Of each sample. */
const MAX_LOOKED_AT = 65_536;

/** How code is indented, quoted and ended, as most of it is. Without code: as the language's own tools write it. */
export function styleOf(
  samples: readonly string[],
  language: CodeLanguage,
): Pick<Layout, "indent" | "quote" | "semicolons"> {
  const lines = samples.flatMap((text) => text.slice(0, MAX_LOOKED_AT).split("\n"));
  const text = lines.join("\n");
  const [double, single] = [countOf(text, '"'), countOf(text, "'")];
  const ended = lines.filter((line) => line.trimEnd().endsWith(";")).length;
  const open = lines.filter((line) => /^\s*(const|let|return|import)\b.*[\w)\]"'`]$/.test(line.slice(0, 400))).length;
  return {
    indent: indentOf(lines) ?? (language === "python" ? "    " : "  "),
    quote: single > double ? "'" : '"',
    semicolons: language !== "python" && ended >= open,
  };
}

function countOf(text: string, one: string): number {
  return text.split(one).length - 1;
}

/** By how much a line is further in than the one before it. */
function indentOf(lines: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  let before = "";
  for (const line of lines) {
    const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
    if (line.trim() === "" || /^\s*\*/.test(line)) continue;
    if (indent.startsWith(before) && indent.length > before.length) {
      const step = indent.slice(before.length);
      if (/^(\t| {2}| {3}| {4}| {8})$/.test(step)) counts.set(step, (counts.get(step) ?? 0) + 1);
    }
    before = indent;
  }
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}
