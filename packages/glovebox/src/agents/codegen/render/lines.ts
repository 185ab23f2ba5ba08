import type { Layout } from "../../layout/layout.ts";

/** Code one level further in, whatever its own indentation begins with; levels within it become the repository's. */
export function indented(code: string, layout: Layout): string {
  const lines = code.replace(/\s+$/, "").split("\n");
  while (lines[0]?.trim() === "") lines.shift();
  const margins = lines.filter((line) => line.trim() !== "").map((line) => /^[ \t]*/.exec(line)?.[0] ?? "");
  const margin = margins.reduce((least, one) => (one.length < least.length ? one : least), margins[0] ?? "");
  const unit = margins.map((one) => one.slice(margin.length)).find((one) => one !== "") ?? layout.indent;
  return lines
    .map((line) => (line.trim() === "" ? "" : layout.indent + reindented(line.slice(margin.length), unit, layout)))
    .join("\n");
}

function reindented(line: string, unit: string, layout: Layout): string {
  let depth = 0;
  let rest = line;
  while (rest.startsWith(unit)) {
    rest = rest.slice(unit.length);
    depth += 1;
  }
  return layout.indent.repeat(depth) + rest;
}

/** Our own JavaScript, which is written with `"` and `;`, as the repository writes it. */
export function asWrittenHere(code: string, { quote, semicolons }: Layout): string {
  const quoted = quote === "'" ? code.replace(/"((?:[^"\\'\n]|\\.)*)"/g, "'$1'") : code;
  return semicolons ? quoted : quoted.replace(/;$/gm, "");
}
