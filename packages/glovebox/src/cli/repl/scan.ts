/** What a text leaves open at its end. */
export interface Scan {
  /** Brackets that are not closed; below 0 when there are too many closing ones. */
  readonly depth: number;
  readonly open: "none" | "string" | "long-string" | "comment";
  /** The text without comments and with strings emptied. */
  readonly stripped: string;
}

export type Syntax = "python" | "javascript" | "rust" | "bash";

interface Region {
  readonly kind: "string" | "long-string" | "comment" | "line-comment";
  readonly open: string;
  readonly close: string;
  readonly escapes: boolean;
  /** Whether it may go over the end of a line. */
  readonly lines: boolean;
}

const string = (mark: string, lines: boolean, escapes = true): Region => ({
  kind: lines ? "long-string" : "string",
  open: mark,
  close: mark,
  escapes,
  lines,
});
const lineComment = (open: string): Region => ({
  kind: "line-comment",
  open,
  close: "\n",
  escapes: false,
  lines: false,
});
const blockComment: Region = { kind: "comment", open: "/*", close: "*/", escapes: false, lines: true };

/** Longer marks come before those that they begin with. */
const REGIONS: Readonly<Record<Syntax, readonly Region[]>> = {
  python: [string('"""', true), string("'''", true), string('"', false), string("'", false), lineComment("#")],
  javascript: [lineComment("//"), blockComment, string("`", true), string('"', false), string("'", false)],
  rust: [lineComment("//"), blockComment, string('"', true)],
  bash: [string('"', true), string("'", true, false), string("`", true), lineComment("#")],
};

/** Walks over the text once, knowing strings, comments and brackets. Not a parser: it only decides whether to ask for more. */
export function scan(code: string, syntax: Syntax): Scan {
  let depth = 0;
  let stripped = "";
  let region: Region | undefined;
  for (let at = 0; at < code.length; ) {
    if (region === undefined) {
      region = regionAt(code, at, syntax);
      if (region !== undefined) {
        at += region.open.length;
        if (region.kind === "string" || region.kind === "long-string") stripped += region.open;
        continue;
      }
      const mark = code.charAt(at);
      if ("([{".includes(mark)) depth += 1;
      else if (")]}".includes(mark)) depth -= 1;
      // An escaped character outside of strings (bash) opens nothing.
      const width = mark === "\\" && syntax === "bash" ? 2 : 1;
      stripped += code.slice(at, at + width);
      at += width;
      continue;
    }
    if (region.escapes && code.charAt(at) === "\\") {
      at += 2;
    } else if (code.startsWith(region.close, at)) {
      if (region.kind === "line-comment") stripped += "\n";
      else if (region.kind !== "comment") stripped += region.close;
      at += region.close.length;
      region = undefined;
    } else if (code.charAt(at) === "\n" && !region.lines) {
      region = undefined; // a string that its line should have ended: the language will say so
    } else at += 1;
  }
  const open = region === undefined || region.kind === "line-comment" ? "none" : region.kind;
  return { depth, open, stripped };
}

function regionAt(code: string, at: number, syntax: Syntax): Region | undefined {
  const found = REGIONS[syntax].find(({ open }) => code.startsWith(open, at));
  if (found?.open !== "#" || syntax !== "bash") return found;
  // In bash a `#` begins a comment only where a word may begin: `$#` and `a#b` are none.
  return at === 0 || /[\s;&|()]/.test(code.charAt(at - 1)) ? found : undefined;
}
