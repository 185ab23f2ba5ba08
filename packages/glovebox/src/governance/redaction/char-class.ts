/** A set of ASCII characters, as a table: 1 where the character is in it. Everything else is not. */
export type CharClass = Uint8Array;

/** From a text in which `a-z` stands for a range; a `-` at the end stands for itself. */
export function charClass(spec: string): CharClass {
  const table = new Uint8Array(128);
  for (let at = 0; at < spec.length; at += 1) {
    const from = spec.charCodeAt(at);
    const isRange = spec[at + 1] === "-" && at + 2 < spec.length;
    const to = isRange ? spec.charCodeAt(at + 2) : from;
    for (let code = from; code <= to; code += 1) table[code] = 1;
    if (isRange) at += 2;
  }
  return table;
}

export const ALNUM = charClass("A-Za-z0-9");
export const UPPER_ALNUM = charClass("A-Z0-9");
export const WORD = charClass("A-Za-z0-9_");
export const BASE64_URL = charClass("A-Za-z0-9_-");
export const JWT = charClass("A-Za-z0-9_.-");
export const BEARER = charClass("A-Za-z0-9._~+/=-");
/** What a value without quotes may have: printable, without white space, quotes, brackets and separators. */
export const BARE_VALUE = charClass("A-Za-z0-9_.~+/=!@#$%^*?|:-");
/** Of these alone, a bare value is as likely a word or a name as a secret. */
export const PLAIN_WORD = charClass("A-Za-z_.-");
/** What words in names are made of. */
export const SMALL = charClass("a-z_-");
/** All of a line but quotes: what a cookie header may have. */
export const COOKIES = charClass(" -~\t");
for (const quote of "\"'`") COOKIES[quote.charCodeAt(0)] = 0;
export const URL_PASSWORD = charClass("A-Za-z0-9_.~+=!#$%^*?|&,;:()-");

export const DIGIT_0 = 0x30;
export const DIGIT_9 = 0x39;

export function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9;
}
