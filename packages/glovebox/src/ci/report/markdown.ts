/** Whatever repositories, workflows and programs say is text, and never Markdown of ours: no links, no pictures, nobody is mentioned. */

/** As code on one line: `…`. */
export function code(text: string, max = 200): string {
  const plain = oneLine(text, max).replaceAll("`", "ˋ").replaceAll("|", "¦");
  return plain === "" ? "` `" : `\`${plain}\``;
}

/** As plain words within a paragraph. */
export function words(text: string, max = 500): string {
  return oneLine(text, max)
    .replaceAll(/[\\`*_{}[\]()#+!|<>~$&:]/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replaceAll("@", "@\u200b");
}

/** Lines as a block of code, whose fence no line can close. */
export function block(lines: readonly string[]): string {
  const text = lines.map((line) => withoutEscapes(line)).join("\n");
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function oneLine(text: string, max: number): string {
  const plain = withoutEscapes(text).replaceAll(/\s+/g, " ").trim();
  return plain.length > max ? `${plain.slice(0, max)}…` : plain;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of terminals and their like are what is taken out
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

function withoutEscapes(text: string): string {
  return text.replaceAll(ESCAPES, "");
}
