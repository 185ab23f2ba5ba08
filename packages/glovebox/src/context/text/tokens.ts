/** What counts as a word: letters and digits of any script, and what identifiers are made of. */
const WORD = /[\p{L}\p{N}_$]+/gu;
/** Where an identifier's parts begin: `parseHTTPQuery2` is parse, http, query, 2. */
const PART = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{N}+|[\p{Lo}\p{Lm}]+/gu;
const NOT_ASCII = /[^\x20-\x7e\s]/;
/** A longer word is cut: nobody types it, and hashes and base64 would fill the index. */
const MAX_WORD = 64;

/** The words of a text as they are searched for: lower case; an identifier counts whole and in its parts (camelCase, snake_case, the parts of a path). */
export function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (const [word] of plain(text).matchAll(WORD)) {
    const whole = word.slice(0, MAX_WORD);
    tokens.push(whole.toLowerCase());
    const parts = whole.match(PART) ?? [];
    if (parts.length > 1 || (parts[0] !== undefined && parts[0].length < whole.length)) {
      for (const part of parts) tokens.push(part.toLowerCase());
    }
  }
  return tokens;
}

/** Without accents, and with compatible forms (ligatures, full width) as what they stand for. */
function plain(text: string): string {
  return NOT_ASCII.test(text) ? text.normalize("NFKD").replaceAll(/\p{M}+/gu, "") : text;
}
