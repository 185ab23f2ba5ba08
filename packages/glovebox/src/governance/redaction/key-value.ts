import { BARE_VALUE, PLAIN_WORD } from "./char-class.ts";
import type { Chars } from "./chars.ts";
import { isPlaceholder } from "./placeholder.ts";

/** A value this long is a secret whatever it looks like; so no more than this is ever held back for one. */
const CERTAIN = 64;
const SHORTEST = 6;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/** Whether a bare value is worth masking: how it was assigned tells words from secrets. */
export interface KeyValueContext {
  /** `NAME=value` without blanks and in capitals, as environments are printed: a mere word counts too. */
  readonly environment: boolean;
}

/** As for all matchers: the end of the secret so far, 0 for none, `undefined` when more text is needed. */
export function matchBareValue(
  text: Chars,
  start: number,
  end: number,
  final: boolean,
  context: KeyValueContext,
): number | undefined {
  let at = start;
  let isWord = true;
  while (at < end && at - start < CERTAIN) {
    const code = text.charCodeAt(at);
    if (BARE_VALUE[code] !== 1) break;
    if (PLAIN_WORD[code] !== 1) isWord = false;
    at += 1;
  }
  const length = at - start;
  if (length === CERTAIN) return at;
  if (at === end && !final) return undefined;
  if (length < SHORTEST) return 0;
  const next = at < end ? text.charCodeAt(at) : 0;
  // A call, an index, a template: code, not a value.
  if (next === 0x28 || next === 0x5b || next === 0x7b) return 0;
  if (isWord && !context.environment) return 0;
  return isPlaceholder(text.slice(start, at)) ? 0 : at;
}

/** Whether a value of this length may go on after what was matched. */
export function goesOn(length: number): boolean {
  return length >= CERTAIN;
}

/** Up to the closing quote or the line's end. */
export function matchQuotedValue(
  text: Chars,
  start: number,
  end: number,
  final: boolean,
  how: { readonly quote: number; readonly escaped: boolean },
): number | undefined {
  let at = start;
  while (at < end && at - start < CERTAIN) {
    const code = text.charCodeAt(at);
    if (code === how.quote || code === NEWLINE) break;
    if (code === BACKSLASH) {
      if (at + 1 === end && !final) return undefined;
      if (how.escaped && text.charCodeAt(at + 1) === how.quote) break;
      at += 1;
    }
    at += 1;
  }
  at = Math.min(at, end);
  if (at - start >= CERTAIN) return at;
  if (at === end && !final) return undefined;
  return at - start < SHORTEST || isPlaceholder(text.slice(start, at)) ? 0 : at;
}
