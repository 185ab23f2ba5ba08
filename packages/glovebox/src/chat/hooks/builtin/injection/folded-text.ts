import { isHidden } from "./hidden-text.ts";

/** A text as a model would read it: without hidden characters, with letters that only look otherwise written plainly. */
export interface FoldedText {
  readonly text: string;
  /** Where the unit at `at` stands in the original; `at` may be the end. */
  originOf(at: number): number;
}

/** Cyrillic and Greek letters that look like Latin ones. */
const LOOKALIKES: ReadonlyMap<number, number> = new Map(
  [..."аaеeоoрpсcуyхxіiјjѕsԁdһhԛqԝwοoαaνvιiκkρpτtυuАAВBЕEКKМMНHОOРPСCТTХXІIЅSЈJΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΧX"]
    .map((letter) => letter.codePointAt(0) ?? 0)
    .reduce<[number, number][]>((pairs, code, at, all) => {
      if (at % 2 === 0) pairs.push([code, all[at + 1] ?? 0]);
      return pairs;
    }, []),
);
const TAGS = 0xe0000;
/** What other code points are plainly; those of a text are few. */
const MAX_CACHED = 4_096;

/** Linear in the text's length. */
export function foldText(text: string): FoldedText {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
  if (/^[\x00-\x7f]*$/.test(text)) return { text, originOf: (at) => at };
  const codes = new Uint16Array(text.length);
  const origins = new Uint32Array(text.length + 1);
  const cache = new Map<number, string>();
  let length = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) ?? 0;
    const width = code > 0xffff ? 2 : 1;
    const plain = code < 0x80 ? undefined : plainOf(code, cache);
    if (plain === undefined) {
      codes[length] = code;
      origins[length++] = at;
    } else {
      for (let unit = 0; unit < plain.length; unit += 1) {
        codes[length] = plain.charCodeAt(unit);
        origins[length++] = at;
      }
    }
    at += width;
  }
  origins[length] = text.length;
  foldLookalikes(codes, length);
  return {
    text: Buffer.from(codes.buffer, 0, length * 2).toString("utf16le"),
    originOf: (at) => origins[Math.min(at, length)] ?? text.length,
  };
}

/** No longer than the code point itself, so that the arrays hold it. */
function plainOf(code: number, cache: Map<number, string>): string {
  const known = cache.get(code);
  if (known !== undefined) return known;
  const plain = readPlain(code);
  if (cache.size < MAX_CACHED) cache.set(code, plain);
  return plain;
}

function readPlain(code: number): string {
  if (code > TAGS + 0x1f && code < TAGS + 0x7f) return String.fromCharCode(code - TAGS);
  if (isHidden(code) || (code >= TAGS && code <= TAGS + 0x7f)) return "";
  // Half a character stays what it is.
  if (code >= 0xd800 && code <= 0xdfff) return String.fromCharCode(code);
  const own = String.fromCodePoint(code);
  const plain = own.normalize("NFKC");
  return plain.length <= own.length ? plain : own;
}

/** In words that have Latin letters too: Russian stays Russian. */
function foldLookalikes(codes: Uint16Array, length: number): void {
  for (let at = 0; at < length; ) {
    let end = at;
    let hasLatin = false;
    let hasLookalike = false;
    for (; end < length && isLetter(codes[end] ?? 0); end += 1) {
      hasLatin ||= (codes[end] ?? 0) < 0x80;
      hasLookalike ||= LOOKALIKES.has(codes[end] ?? 0);
    }
    if (hasLatin && hasLookalike)
      for (let unit = at; unit < end; unit += 1) codes[unit] = LOOKALIKES.get(codes[unit] ?? 0) ?? codes[unit] ?? 0;
    at = end + 1;
  }
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || (code >= 0x370 && code <= 0x52f);
}
