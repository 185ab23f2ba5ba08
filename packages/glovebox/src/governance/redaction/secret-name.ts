import { charClass, isDigit } from "./char-class.ts";
import { Chars } from "./chars.ts";

const NAME = charClass("A-Za-z0-9_.-");
const MAX_NAME = 48;
const SEPARATOR = 27;

/** Which word ends a name. Schemes are those of `Authorization` headers. */
export const Word = { none: 0, secret: 1, bearer: 2, scheme: 3, secretAndScheme: 4 } as const;
export type Word = (typeof Word)[keyof typeof Word];

const KEYS = "api access private secret auth account signing encryption session master license shared storage client";
/** Endings of names of secrets, without the `_`, `-` and `.` that may stand anywhere in them. */
const SECRETS = [
  ..."password passwd passphrase passcode pwd secret token authorization cookie credential credentials".split(" "),
  ...KEYS.split(" ").map((kind) => `${kind}key`),
  // Signed URLs are good for whoever holds them.
  "amzsignature",
  "googsignature",
];
const WORDS: readonly (readonly [text: string, word: Word])[] = [
  ...SECRETS.map((text) => [text, Word.secret] as const),
  ["token", Word.secretAndScheme],
  ["apikey", Word.secretAndScheme],
  ["bearer", Word.bearer],
  ["basic", Word.scheme],
  ["negotiate", Word.scheme],
];

/**
 * A trie of the words from their last letters on: a name is told from most text by one or two letters, without a copy of it. 32 entries
 * a node, by the five low bits of a letter.
 */
const NEXT = new Uint8Array(256 * 32);
const ENDS = new Uint8Array(256);
const LETTER = new Uint8Array(128);

for (const letter of "abcdefghijklmnopqrstuvwxyz") {
  const code = letter.charCodeAt(0);
  LETTER[code] = code & 31;
  LETTER[code & 0x5f] = code & 31;
}
for (const separator of "_.-") LETTER[separator.charCodeAt(0)] = SEPARATOR;
let nodes = 1;
for (const [text, word] of WORDS) {
  let node = 0;
  for (const letter of [...text].reverse()) {
    const edge = node * 32 + (letter.charCodeAt(0) & 31);
    if (NEXT[edge] === 0) NEXT[edge] = nodes++;
    node = NEXT[edge] ?? 0;
  }
  ENDS[node] = word;
}

/** The longest of the words that ends right before `end`. */
export function wordBefore(text: Chars, end: number): Word {
  let node = 0;
  let word: number = Word.none;
  for (let at = end - 1; at >= 0 && end - at <= MAX_NAME; at -= 1) {
    const letter = LETTER[text.charCodeAt(at)];
    if (letter === undefined || letter === 0) break;
    if (letter === SEPARATOR) {
      if (node === 0) break;
      continue;
    }
    node = NEXT[node * 32 + letter] ?? 0;
    if (node === 0) break;
    const ending = ENDS[node] ?? 0;
    if (ending !== 0) word = ending;
  }
  return word as Word;
}

/** Whether a name that ends at `end` is of a secret: `DB_PASSWORD`, `accessToken`, `x-api-key`, `TOKEN_2`. */
export function endsSecretName(text: Chars, end: number): boolean {
  let last = end;
  if (isDigit(text.charCodeAt(last - 1))) {
    last -= 1;
    if (isDigit(text.charCodeAt(last - 1))) last -= 1;
    const before = text.charCodeAt(last - 1);
    if (before === 0x5f || before === 0x2d) last -= 1;
  }
  const word = wordBefore(text, last);
  if (word !== Word.secret && word !== Word.secretAndScheme) return false;
  return !isWorkingFolder(text, last);
}

/** The shell's variables of the folder it is in, `PWD` and `OLDPWD`. */
function isWorkingFolder(text: Chars, end: number): boolean {
  if ((text.charCodeAt(end - 1) | 0x20) !== 0x64 || (text.charCodeAt(end - 2) | 0x20) !== 0x77) return false;
  return /(?:^|[^A-Za-z0-9_])(?:OLD)?PWD$/i.test(text.slice(Math.max(0, end - 7), end));
}

const scratch = new Chars();

export function isSecretName(name: string): boolean {
  scratch.set(name.slice(-MAX_NAME));
  return endsSecretName(scratch, scratch.length);
}

/** Where the name that ends at `end` begins. */
export function nameStart(text: Chars, end: number): number {
  let start = end;
  while (start > 0 && end - start < MAX_NAME && NAME[text.charCodeAt(start - 1)] === 1) start -= 1;
  return start;
}

/**
 * The end of the name before the separator at `at`: up to two blanks, a bracket (`env["TOKEN"] =`) and a quote (with a backslash, as in
 * JSON within JSON) may stand between.
 */
export function nameEnd(text: Chars, at: number): number {
  let end = at;
  for (let blanks = 0; blanks < 2 && isBlank(text.charCodeAt(end - 1)); blanks += 1) end -= 1;
  if (text.charCodeAt(end - 1) === 0x5d) end -= 1;
  const code = text.charCodeAt(end - 1);
  if (code === 0x22 || code === 0x27 || code === 0x60) {
    end -= 1;
    if (text.charCodeAt(end - 1) === 0x5c) end -= 1;
  }
  return end;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
