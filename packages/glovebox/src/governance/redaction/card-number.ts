import { ALNUM, DIGIT_0, isDigit } from "./char-class.ts";
import type { Chars } from "./chars.ts";

/** Digits shown of a card number, as payment rules allow; the scanner gives them out before it holds anything back. */
const SHOWN = 6;
const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const UNDERSCORE = 0x5f;
const MIN_LENGTH = 13;
const MAX_LENGTH = 19 + 4;

/**
 * Whether the digit at `at`, which follows a digit, is the sixth of what may be a card number: six in a row, or four, a separator, and
 * two. What stands before them is asked first: it ends the question within most longer numbers.
 */
export function isSixthDigit(text: Chars, at: number): boolean {
  const before = text.charCodeAt(at - 2);
  const isRow = isDigit(before);
  if (!isRow && before !== SPACE && before !== DASH) return false;
  const start = isRow ? at - (SHOWN - 1) : at - SHOWN;
  if (start < 0) return false;
  const lead = text.charCodeAt(start - 1);
  if (ALNUM[lead] === 1 || lead === DOT || lead === UNDERSCORE) return false;
  const first = text.charCodeAt(start);
  // No issuer's numbers begin with anything but 2 to 6.
  if (first < DIGIT_0 + 2 || first > DIGIT_0 + 6) return false;
  for (let index = start + 1; index < at - 2; index += 1) {
    if (!isDigit(text.charCodeAt(index))) return false;
  }
  return true;
}

/**
 * What follows the sixth digit, which is at `start - 1`: the end of a card number, 0 when it is none, or `undefined` when more text
 * is needed to tell.
 */
export function matchCard(text: Chars, start: number, end: number, final: boolean): number | undefined {
  const first = isDigit(text.charCodeAt(start - 3)) ? start - SHOWN : start - SHOWN - 1;
  const most = first + MAX_LENGTH;
  let at = start;
  while (at < end && at < most && isPart(text, at)) at += 1;
  if (at === end && !final) return undefined;
  const lengths = isDigit(text.charCodeAt(first + 4)) ? LENGTHS_IN_A_ROW : LENGTHS_IN_GROUPS;
  for (let last = at; last >= first + MIN_LENGTH; last -= 1) {
    if (lengths.has(last - first) && isEnd(text, last, end) && isCard(text.slice(first, last))) return last;
  }
  return 0;
}

/** Whether a number that ends before `at` is over there: no digit, letter or dash with more behind it goes on. */
function isEnd(text: Chars, at: number, end: number): boolean {
  if (!isDigit(text.charCodeAt(at - 1))) return false;
  return at >= end || (ALNUM[text.charCodeAt(at)] !== 1 && text.charCodeAt(at) !== DASH);
}

/** What {@link LAYOUT} allows, so that most of what is none is told by its length. */
const LENGTHS_IN_A_ROW: ReadonlySet<number> = new Set([13, 14, 15, 16, 17, 18, 19]);
const LENGTHS_IN_GROUPS: ReadonlySet<number> = new Set([16, 17, 19, 21, 22, 23]);

/** A digit, or one separator of the kind that began the number. */
function isPart(text: Chars, at: number): boolean {
  const code = text.charCodeAt(at);
  return isDigit(code) || ((code === SPACE || code === DASH) && isDigit(text.charCodeAt(at - 1)));
}

const LAYOUT = /^(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})$/;
/** Prefixes that issuers have, so that ids, times and measurements are left alone. */
const ISSUER = /^(?:4|5[1-5]|2[2-7]|3[47]|30[0-5]|3[689]|35|6011|64[4-9]|65|62)/;

function isCard(text: string): boolean {
  if (!LAYOUT.test(text)) return false;
  const digits = text.replaceAll(/[ -]/g, "");
  return ISSUER.test(digits) && passesLuhn(digits);
}

export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 0x30;
    const doubled = digit * 2;
    sum += index % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
