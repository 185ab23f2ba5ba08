/** A run of characters that people do not see and models read. UTF-16 units. */
export interface HiddenRun {
  readonly rule: "hidden-tags" | "hidden-bidi" | "hidden-zero-width" | "hidden-selectors";
  readonly from: number;
  readonly to: number;
}

/** Zero-width characters, direction marks, variation selectors and tags. */
export const HIDDEN =
  /(?:[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]|[\u{e0000}-\u{e007f}]){1,4096}/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const LATIN_LETTER = /[A-Za-z]/;
const BLACK_FLAG = "\u{1f3f4}";
/** Of a line around a run that says in which script it is. */
const NEAR = 200;
/** So many in a row hold a message rather than a shape of letters. */
const MANY = 4;

export function isHidden(code: number): boolean {
  if (code < 0xad) return false;
  return (
    code === 0xad ||
    code === 0x61c ||
    code === 0x180e ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x2069) ||
    (code >= 0xfe00 && code <= 0xfe0f) ||
    code === 0xfeff ||
    (code >= 0xe0100 && code <= 0xe01ef)
  );
}

/** Hidden characters that writing has no use for where they stand. What emoji, Persian, Hindi or Hebrew need is left alone. */
export function* hiddenRuns(text: string): Generator<HiddenRun> {
  let betweenLetters = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const run = match[0];
    const from = match.index;
    const to = from + run.length;
    const rule = ruleOf(text, run, from, to);
    if (rule !== undefined) {
      yield { rule, from, to };
      continue;
    }
    if (!/^[\u200b-\u200d\u2060\ufeff]+$/.test(run)) continue;
    if (!LATIN_LETTER.test(text.charAt(from - 1)) || !LATIN_LETTER.test(text.charAt(to))) continue;
    betweenLetters += 1;
    // One may be left over from a web page; words that are cut up again and again are meant not to be found.
    if (betweenLetters > 2) yield { rule: "hidden-zero-width", from, to };
  }
}

function ruleOf(text: string, run: string, from: number, to: number): HiddenRun["rule"] | undefined {
  if (/[\u{e0000}-\u{e007f}]/u.test(run)) return isFlag(text, run, from) ? undefined : "hidden-tags";
  if (/[\u202d\u202e]/.test(run)) return "hidden-bidi";
  if (/[\u202a\u202b\u2066-\u2069]/.test(run) && !RIGHT_TO_LEFT.test(lineAround(text, from, to))) return "hidden-bidi";
  if (countOf(run, /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu) >= MANY) return "hidden-selectors";
  if (countOf(run, /[\u200b-\u200d\u2060-\u2064\ufeff\u180e]/g) >= MANY) return "hidden-zero-width";
  return undefined;
}

/** The flags of England, Scotland and Wales are written with tags. */
function isFlag(text: string, run: string, from: number): boolean {
  return (
    text.slice(from - 2, from) === BLACK_FLAG &&
    /^(?:[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{2,6})\u{e007f}$/u.test(run)
  );
}

function lineAround(text: string, from: number, to: number): string {
  const before = text.slice(Math.max(0, from - NEAR), from);
  const after = text.slice(to, to + NEAR);
  const end = after.indexOf("\n");
  return before.slice(before.lastIndexOf("\n") + 1) + (end === -1 ? after : after.slice(0, end));
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
