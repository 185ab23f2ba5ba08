import { COOKIES, charClass } from "./char-class.ts";
import type { Chars } from "./chars.ts";

const NAME = charClass("A-Za-z0-9!#$%&*+.^_|~-");
const MAX_NAME = 64;
const EQUALS = 0x3d;

/** `name=` and something: the whole line is secret then. Prose after the word "cookie:" has no such thing. */
export function matchCookies(text: Chars, start: number, end: number, final: boolean): number | undefined {
  let at = start;
  while (at < end && at - start < MAX_NAME && NAME[text.charCodeAt(at)] === 1) at += 1;
  if (at === end) return final ? 0 : undefined;
  if (at === start || text.charCodeAt(at) !== EQUALS) return 0;
  if (at + 1 === end) return final ? 0 : undefined;
  return COOKIES[text.charCodeAt(at + 1)] === 1 ? at + 1 : 0;
}
