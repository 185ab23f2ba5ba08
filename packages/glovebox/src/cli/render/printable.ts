// What a terminal would obey instead of show: C0 but tab and newline, DEL, C1, and the marks that reorder text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from a sandbox or from other users made safe to show in a table or a message: what a terminal would obey is shown as an
 * escape. A program's own output is not passed through this: it is the program's.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same on one line of at most `max` characters. */
export function printableLine(text: string, max = 200): string {
  const line = printable(text).replaceAll("\n", "⏎").replaceAll("\t", " ");
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
