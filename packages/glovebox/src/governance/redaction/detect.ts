import { isSixthDigit } from "./card-number.ts";
import { ALNUM, BASE64_URL, BEARER, type CharClass, charClass, isDigit, JWT, UPPER_ALNUM, WORD } from "./char-class.ts";
import { ENDS_SECRET_NAME, secretNameBefore } from "./secret-name.ts";

/** What may begin after a character that was just given out. */
export type Candidate =
  /** `min` characters of a class make a secret, which goes on as long as the class does. */
  | { readonly kind: "run"; readonly min: number; readonly chars: CharClass }
  /** The rest of a JSON Web Token after `eyJ`. */
  | { readonly kind: "jwt" }
  | { readonly kind: "card" }
  /** A password in a URL: up to `@`. */
  | { readonly kind: "url" }
  /** After the separator of a named secret; `blanks` were skipped so far. */
  | { readonly kind: "gap"; readonly environment: boolean; readonly blanks: number; readonly slash: boolean }
  | { readonly kind: "bare"; readonly environment: boolean }
  /** `escaped`: the quote came with a backslash, as in JSON within JSON, and so will the one that ends it. */
  | { readonly kind: "quoted"; readonly quote: number; readonly escaped: boolean }
  /** A PEM block, from its header on. */
  | { readonly kind: "pem" };

/** The furthest that any rule looks back from the character that it is asked about. */
export const LOOK_BACK = 96;

const TRIGGERS = charClass("_AzJ-");
const DIGIT = 2;
const BLANK = 3;
const SEPARATOR = 4;
TRIGGERS.fill(DIGIT, 0x30, 0x3a);
TRIGGERS[0x20] = BLANK;
TRIGGERS[0x3a] = SEPARATOR;
TRIGGERS[0x3d] = SEPARATOR;
/** Quotes, and what may stand between them and a separator. */
const QUOTE_OR_BLANK = charClass("\"'` \t\\");
/** The last letters (1) of "bearer" and "basic", and those before them (2). */
const BEFORE_BLANK = charClass("rRcC");
for (const letter of "eEiI") BEFORE_BLANK[letter.charCodeAt(0)] = 2;
/** Prefixes that end in `_` or `-`, with what follows them. */
const PREFIXES: readonly { readonly text: string; readonly candidate: Candidate }[] = [
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((text) => ({ text, candidate: run(30, ALNUM) })),
  { text: "github_pat_", candidate: run(20, WORD) },
  { text: "gbx_", candidate: run(40, BASE64_URL) },
  { text: "npm_", candidate: run(30, ALNUM) },
  { text: "hf_", candidate: run(30, ALNUM) },
  { text: "sk_live_", candidate: run(16, ALNUM) },
  { text: "sk_test_", candidate: run(16, ALNUM) },
  { text: "rk_live_", candidate: run(16, ALNUM) },
  { text: "whsec_", candidate: run(20, ALNUM) },
  { text: "glpat-", candidate: run(20, BASE64_URL) },
  { text: "sk-", candidate: run(20, BASE64_URL) },
  ...["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"].map((text) => ({
    text,
    candidate: run(10, charClass("A-Za-z0-9-")),
  })),
];
const BY_LAST_TWO = new Map<number, typeof PREFIXES>();
for (const prefix of PREFIXES) {
  const key = lastTwo(prefix.text, prefix.text.length - 1);
  BY_LAST_TWO.set(key, [...(BY_LAST_TWO.get(key) ?? []), prefix]);
}
const PEM_HEADER = /-----BEGIN [A-Z0-9 ]{1,48}-----$/;
const BASIC = /authorization["'`]?[ \t]{0,2}[:=][ \t]{0,2}["'`]?basic $/i;
const URL_USER = charClass("A-Za-z0-9._~%+-");
const MAX_URL_USER = 64;
const AWS_KEY = run(16, UPPER_ALNUM);
const GOOGLE_KEY = run(36, BASE64_URL);
const BEARER_TOKEN = run(16, BEARER);
const BASIC_TOKEN = run(8, BEARER);

function run(min: number, chars: CharClass): Candidate {
  return { kind: "run", min, chars };
}

function lastTwo(text: string, at: number): number {
  return (text.charCodeAt(at - 1) << 8) | text.charCodeAt(at);
}

/**
 * The index of the next character at `from` or after that any rule asks about, or `end`. Most text is passed over here, so digits and
 * blanks, which are everywhere, are asked for the letters before them at once.
 */
export function nextTrigger(text: string, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    const trigger = TRIGGERS[text.charCodeAt(at)];
    if (trigger === undefined || trigger === 0) continue;
    if (trigger === 1) return at;
    if (trigger === SEPARATOR) {
      if (mayEndName(text, at)) return at;
    } else if (trigger === DIGIT) {
      if (isDigit(text.charCodeAt(at - 4)) && isDigit(text.charCodeAt(at - 5)) && isDigit(text.charCodeAt(at - 1)))
        return at;
    } else if (BEFORE_BLANK[text.charCodeAt(at - 1)] === 1 && BEFORE_BLANK[text.charCodeAt(at - 2)] === 2) return at;
  }
  return end;
}

/** Whether a name of a secret, or a user in a URL, may end before the separator at `at`. */
function mayEndName(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (ALNUM[before] === 1) return ENDS_SECRET_NAME[before] === 1 || text.charCodeAt(at) === 0x3a;
  if (QUOTE_OR_BLANK[before] !== 1) return URL_USER[before] === 1;
  const further = text.charCodeAt(at - 2);
  return ENDS_SECRET_NAME[further] === 1 || QUOTE_OR_BLANK[further] === 1;
}

/** What may begin after the character at `at`, judged by that character and at most {@link LOOK_BACK} before it. */
export function detect(text: string, at: number): Candidate | undefined {
  const code = text.charCodeAt(at);
  if (isDigit(code)) return isSixthDigit(text, at) ? { kind: "card" } : undefined;
  switch (code) {
    case 0x20: // blank
      return afterBlank(text, at);
    case 0x2d: // -
      return afterDash(text, at);
    case 0x5f: // _
      return afterPrefix(text, at);
    case 0x3a: // :
    case 0x3d: // =
      return afterSeparator(text, at, code);
    case 0x41: // A: AKIA, ASIA
      return text.charCodeAt(at - 1) === 0x49 &&
        /(?:^|[^A-Za-z0-9])A[KS]IA$/.test(text.slice(Math.max(0, at - 4), at + 1))
        ? AWS_KEY
        : undefined;
    case 0x7a: // z: AIza
      return text.charCodeAt(at - 1) === 0x49 &&
        text.charCodeAt(at - 2) === 0x41 &&
        ALNUM[text.charCodeAt(at - 3)] !== 1
        ? GOOGLE_KEY
        : undefined;
    case 0x4a: // J: eyJ
      return text.charCodeAt(at - 1) === 0x79 && text.charCodeAt(at - 2) === 0x65 && JWT[text.charCodeAt(at - 3)] !== 1
        ? { kind: "jwt" }
        : undefined;
    default:
      return undefined;
  }
}

function afterBlank(text: string, at: number): Candidate | undefined {
  const before = text.charCodeAt(at - 1) | 0x20;
  if (before === 0x72 && (text.charCodeAt(at - 2) | 0x20) === 0x65) {
    return /(?:^|[^A-Za-z0-9_])bearer $/i.test(text.slice(Math.max(0, at - 7), at + 1)) ? BEARER_TOKEN : undefined;
  }
  if (before === 0x63 && (text.charCodeAt(at - 2) | 0x20) === 0x69) {
    return BASIC.test(text.slice(Math.max(0, at - 32), at + 1)) ? BASIC_TOKEN : undefined;
  }
  return undefined;
}

function afterDash(text: string, at: number): Candidate | undefined {
  const before = text.charCodeAt(at - 1);
  if (before !== 0x2d) return afterPrefix(text, at);
  if (text.charCodeAt(at - 2) !== 0x2d || text.charCodeAt(at - 4) !== 0x2d || text.charCodeAt(at - 5) === 0x2d) {
    return undefined;
  }
  return PEM_HEADER.test(text.slice(Math.max(0, at - 70), at + 1)) ? { kind: "pem" } : undefined;
}

function afterPrefix(text: string, at: number): Candidate | undefined {
  const prefixes = BY_LAST_TWO.get(lastTwo(text, at));
  if (prefixes === undefined) return undefined;
  for (const prefix of prefixes) {
    const start = at + 1 - prefix.text.length;
    if (text.startsWith(prefix.text, start) && start >= 0 && ALNUM[text.charCodeAt(start - 1)] !== 1) {
      return prefix.candidate;
    }
  }
  return undefined;
}

function afterSeparator(text: string, at: number, code: number): Candidate | undefined {
  const name = secretNameBefore(text, at);
  if (name !== undefined) {
    const isTight = code === 0x3d && text.charCodeAt(at - 1) === name.charCodeAt(name.length - 1);
    return { kind: "gap", environment: isTight && name === name.toUpperCase(), blanks: 0, slash: false };
  }
  return code === 0x3a && isAfterUrlUser(text, at) ? { kind: "url" } : undefined;
}

/** Whether `://user` stands before `at`. */
function isAfterUrlUser(text: string, at: number): boolean {
  let start = at;
  while (at - start <= MAX_URL_USER && URL_USER[text.charCodeAt(start - 1)] === 1) start -= 1;
  if (start === at || at - start > MAX_URL_USER) return false;
  return (
    text.charCodeAt(start - 1) === 0x2f && text.charCodeAt(start - 2) === 0x2f && text.charCodeAt(start - 3) === 0x3a
  );
}
