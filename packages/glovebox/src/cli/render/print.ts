import { coloursFor } from "./colours.ts";
import { printable, printableLine } from "./printable.ts";

/** How a command shows what it found. `human` is for eyes on a terminal, `plain` for pipes, `json` for programs. */
export type Format = "human" | "plain" | "json";

export function formatFor(options: { readonly json?: boolean | undefined }): Format {
  if (options.json === true) return "json";
  return process.stdout.isTTY === true ? "human" : "plain";
}

/** JSON on stdout: indented for eyes, one line for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${jsonText(value, process.stdout.isTTY === true ? 2 : undefined)}\n`);
}

/** JSON without a character that a terminal would obey: it stands there as its escape, which is the same JSON. */
export function jsonText(value: unknown, indent?: number): string {
  return printable(JSON.stringify(value, null, indent));
}

export interface Column<T> {
  readonly title: string;
  readonly value: (item: T) => string;
}

/**
 * Rows as a table on a terminal, or as lines of fields separated by tabs without a head, which `cut` and `awk` read.
 * Every cell is made printable: names come from other people.
 */
export async function printTable<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  options: { readonly format: Format; readonly empty: string },
): Promise<void> {
  const rows = items.map((item) => columns.map((column) => printableLine(column.value(item))));
  if (options.format !== "human") {
    for (const row of rows) process.stdout.write(`${row.join("\t")}\n`);
    return;
  }
  const colours = coloursFor(process.stdout);
  if (rows.length === 0) {
    process.stdout.write(`${colours.dim(options.empty)}\n`);
    return;
  }
  const { default: Table } = await import("cli-table3");
  const blank = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" };
  const table = new Table({
    head: columns.map(({ title }) => colours.bold(title)),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: {
      ...blank,
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "",
    },
  });
  table.push(...rows);
  process.stdout.write(`${table.toString()}\n`);
}

/** One thing, a field a line; what is undefined is left out. */
export function printRecord(fields: readonly (readonly [string, string | number | undefined])[], format: Format): void {
  const colours = coloursFor(process.stdout);
  const present = fields.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...present.map(([name]) => name.length));
  for (const [name, value] of present) {
    const text = printableLine(String(value), 2000);
    const line = format === "human" ? `${colours.dim(name.padEnd(width))}  ${text}` : `${name}\t${text}`;
    process.stdout.write(`${line}\n`);
  }
}
