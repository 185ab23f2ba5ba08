import { parser as commonMark } from "@lezer/markdown";

/** A piece of a Markdown text that matters here, in the text's order. Offsets in UTF-16 units. */
export type Section = CodeSection | ProseSection;

export interface CodeSection {
  readonly kind: "code";
  readonly form: "fenced" | "indented";
  readonly start: number;
  readonly end: number;
  /** What stands after the opening fence. */
  readonly info: string | undefined;
  readonly code: string;
  /** Whether the closing fence is there. */
  readonly closed: boolean;
  readonly inQuote: boolean;
}

export interface ProseSection {
  readonly kind: "prose";
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly heading: boolean;
  /** Inline code, where the paragraph is short. */
  readonly spans: readonly InlineSpan[];
}

export interface InlineSpan {
  readonly start: number;
  readonly end: number;
  readonly code: string;
}

/** Of CommonMark only its blocks: what they hold matters little, and hostile lines cost much there. */
const blockParser = commonMark.configure({
  remove: [
    "LinkReference",
    "Escape",
    "Entity",
    "InlineCode",
    "HTMLTag",
    "Emphasis",
    "HardBreak",
    "Link",
    "Image",
    "LinkEnd",
  ],
});
const inlineParser = commonMark.configure({
  remove: ["Entity", "HTMLTag", "Emphasis", "HardBreak", "Link", "Image", "LinkEnd"],
});

/** In longer paragraphs inline code does not stand alone; and the parser takes quadratic time over backticks. */
const MAX_INLINE_PARAGRAPH = 2000;
/** Markers of quotes and lists that a line may begin with; deeper is no text that anybody wrote. */
const MAX_DEPTH = 50;

/** Reads a text's blocks of code and the prose between them. */
export function readSections(text: string): Section[] {
  const tree = blockParser.parse(withoutAbyss(withPlainLineBreaks(text)));
  const sections: Section[] = [];
  let quotes = 0;
  tree.iterate({
    enter: ({ name, from, to, node }) => {
      if (name === "Blockquote") quotes += 1;
      if (name === "FencedCode" || name === "CodeBlock") {
        sections.push(codeSection(text, name, from, to, partsOf(node), quotes > 0));
        return false;
      }
      if (
        name === "Paragraph" ||
        name === "HTMLBlock" ||
        name === "CommentBlock" ||
        /^(ATX|Setext)Heading/.test(name)
      ) {
        sections.push(proseSection(text, from, to, name.includes("Heading"), name === "Paragraph"));
        return false;
      }
      return true;
    },
    leave: ({ name }) => {
      if (name === "Blockquote") quotes -= 1;
    },
  });
  return sections;
}

/** `\r\n` and a lone `\r` as the parser expects them, every offset where it was. */
function withPlainLineBreaks(text: string): string {
  if (!text.includes("\r")) return text;
  return text.replace(/\r\n/g, " \n").replace(/\r/g, "\n");
}

/** Blanks lines that open more than 50 quotes or lists at once, since each level costs time on every line that follows. */
function withoutAbyss(text: string): string {
  const blanked: string[] = [];
  let changed = false;
  for (const line of text.split("\n")) {
    const tooDeep = depthOf(line) > MAX_DEPTH;
    changed ||= tooDeep;
    blanked.push(tooDeep ? " ".repeat(line.length) : line);
  }
  return changed ? blanked.join("\n") : text;
}

/** How many containers a line could open or stay in: markers, or two columns of indentation for each list. */
function depthOf(line: string): number {
  let markers = 0;
  let columns = 0;
  for (const char of line) {
    if (char === " ") columns += 1;
    else if (char === "\t") columns += 4;
    else if (char === ">" || char === "-" || char === "*" || char === "+") markers += 1;
    else if (!/[\d.)]/.test(char)) break;
    if (markers > MAX_DEPTH) break;
  }
  return markers > 0 ? markers + columns / 8 : 0;
}

interface Parts {
  readonly info: readonly [number, number] | undefined;
  readonly pieces: readonly (readonly [number, number])[];
  readonly marks: number;
}

interface TreeNode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly firstChild: TreeNode | null;
  readonly nextSibling: TreeNode | null;
}

function partsOf(node: TreeNode): Parts {
  let info: readonly [number, number] | undefined;
  const pieces: (readonly [number, number])[] = [];
  let marks = 0;
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name === "CodeInfo") info = [child.from, child.to];
    else if (child.name === "CodeText") pieces.push([child.from, child.to]);
    else if (child.name === "CodeMark") marks += 1;
  }
  return { info, pieces, marks };
}

function codeSection(
  text: string,
  name: "FencedCode" | "CodeBlock",
  from: number,
  to: number,
  { info, pieces, marks }: Parts,
  inQuote: boolean,
): CodeSection {
  const code = pieces.map(([start, end]) => text.slice(start, end)).join("");
  const fenced = name === "FencedCode";
  return {
    kind: "code",
    form: fenced ? "fenced" : "indented",
    start: from,
    end: text[to - 1] === "\r" ? to - 1 : to,
    info: info === undefined ? undefined : text.slice(info[0], info[1]),
    code: dedent(code.replace(/\r\n?/g, "\n")),
    closed: !fenced || marks > 1,
    inQuote,
  };
}

function proseSection(text: string, start: number, end: number, heading: boolean, paragraph: boolean): ProseSection {
  const slice = text.slice(start, end);
  const read = paragraph && slice.length <= MAX_INLINE_PARAGRAPH && slice.includes("`");
  return { kind: "prose", start, end, text: slice, heading, spans: read ? spansOf(slice, start) : [] };
}

function spansOf(paragraph: string, offset: number): InlineSpan[] {
  const spans: InlineSpan[] = [];
  for (const { type, from, to } of inlineParser.parseInline(paragraph, 0)) {
    if (inlineParser.nodeSet.types[type]?.name !== "InlineCode") continue;
    const whole = paragraph.slice(from, to);
    const ticks = /^`+/.exec(whole)?.[0].length ?? 1;
    spans.push({
      start: offset + from,
      end: offset + to,
      code: whole
        .slice(ticks, -ticks)
        .replace(/\s*\n\s*/g, " ")
        .trim(),
    });
  }
  return spans;
}

/** Without the indentation that all lines share, and without empty lines around. */
function dedent(code: string): string {
  const lines = code
    .replace(/^(?:[ \t]*\n)+/, "")
    .trimEnd()
    .split("\n");
  let common: string | undefined;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
    common = common === undefined ? indent : sharedStart(common, indent);
    if (common === "") break;
  }
  const width = common?.length ?? 0;
  return width === 0 ? lines.join("\n") : lines.map((line) => line.slice(width)).join("\n");
}

function sharedStart(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return a.slice(0, at);
}
