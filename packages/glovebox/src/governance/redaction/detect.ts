import { isSixthDigit } from "./card-number.ts";
import { BEARER, charClass, isDigit, JWT, WORD } from "./char-class.ts";
import { BEFORE, type Chars } from "./chars.ts";
import { endsSecretName, nameEnd, nameStart, Word, wordBefore } from "./secret-name.ts";
import { afterPrefix, mayEndPrefix, PREFIX_ENDS, type Run, run } from "./token-prefix.ts";

/** What may begin after a character that was just given out. */
export type Candidate =
  | Run
  /** The rest of a JSON Web Token after `eyJ`. */
  | { readonly kind: "jwt" }
  | { readonly kind: "card" }
  /** A password in a URL: up to `@`. */
  | { readonly kind: "url" }
  /** After the separator of a named secret; `blanks` were skipped so far, the last of them a backslash or not. */
  | { readonly kind: "gap"; readonly bare: Bare; readonly blanks: number; readonly slash: boolean }
  | Bare
  /** `escaped`: the quote came with a backslash, as in JSON within JSON, and so will the one that ends it. */
  | { readonly kind: "quoted"; readonly quote: number; readonly escaped: boolean }
  /** `name=value; name=value` up to the line's end. */
  | { readonly kind: "cookies" }
  /** A PEM block, from its header on. */
  | { readonly kind: "pem" };

/** A value without quotes. `environment`: a mere word counts too. */
export type Bare =
  | { readonly kind: "bare"; readonly environment: boolean }
  /** Of a `Cookie` or `Set-Cookie` header. */
  | { readonly kind: "cookies" };

/** The furthest that any rule looks back from the character that it is asked about. */
export const LOOK_BACK = 96;

/** 1 is the end of a prefix. */
const DIGIT = 2;
const BLANK = 3;
const COLON = 4;
const EQUALS = 5;
const CLOSE = 6;
const DASH = 7;
const JWT_START = 8;
/** For every character there is, so that none needs a question first. */
const TRIGGERS = new Uint8Array(65_536);
TRIGGERS.set(PREFIX_ENDS);
TRIGGERS.fill(DIGIT, 0x30, 0x3a);
TRIGGERS[0x20] = BLANK;
TRIGGERS[0x3a] = COLON;
TRIGGERS[0x3d] = EQUALS;
TRIGGERS[0x3e] = CLOSE;
TRIGGERS[0x2d] = DASH;
TRIGGERS[0x4a] = JWT_START;

const JWT_CANDIDATE: Candidate = { kind: "jwt" };
const CARD: Candidate = { kind: "card" };
const URL_CANDIDATE: Candidate = { kind: "url" };
const PEM: Candidate = { kind: "pem" };
const BEARER_TOKEN = run(16, BEARER);
const SCHEME_TOKEN = run(8, BEARER, true);
/** A value that may be a mere word, and then is none. */
export const WORD_OR_VALUE: Bare = { kind: "bare", environment: false };
export const ENVIRONMENT: Bare = { kind: "bare", environment: true };
const COOKIES: Bare = { kind: "cookies" };

const PEM_HEADER = /-----BEGIN [A-Z0-9 ]{1,48}-----$/;
const AUTHORIZATION = /authorization["'`]?[ \t]{0,2}[:=][ \t]{0,2}["'`]?[a-z-]{1,12} $/i;
/** Of a Dockerfile, and of C. */
const DEFINES = /(?:^|\s)(?:ENV|ARG|#define) $/;
const URL_USER = charClass("A-Za-z0-9._~%+-");
const MAX_URL_USER = 64;
/** Last letters of all words that count; most text is told apart by them alone. */
const ENDS_WORD = charClass("CDELNRSTYcdelnrsty");
/** What may stand before a separator that follows a name of a secret: such a letter, a digit, a quote, a blank. */
const BEFORE_SEPARATOR = charClass("DELNRSTYdelnrsty0-9\"'`] \t");

/**
 * The index of the next character at `from` or after that something may begin after, or `end`. Most text is passed over here, so what is
 * everywhere (digits, blanks, colons) is asked for what stands before it at once.
 */
export function nextTrigger(text: Chars, from: number, end: number): number {
  const { codes } = text;
  const last = end + BEFORE;
  for (let index = from + BEFORE; index < last; index += 1) {
    const code = codes[index] ?? 0;
    const trigger = TRIGGERS[code] ?? 0;
    if (trigger === 0) continue;
    const before = codes[index - 1] ?? 0;
    if (trigger === DIGIT && !isDigit(before)) continue;
    if (trigger === BLANK && ENDS_WORD[before] !== 1) continue;
    const at = index - BEFORE;
    if (isTrigger(trigger, code, before, text, at)) return at;
  }
  return end;
}

function isTrigger(trigger: number, code: number, before: number, text: Chars, at: number): boolean {
  switch (trigger) {
    case DIGIT:
      return isSixthDigit(text, at);
    case BLANK:
      return wordBefore(text, at) !== Word.none;
    case COLON:
      return mayEndName(before, text, at) || isAfterUrlUser(text, at);
    case EQUALS:
    case CLOSE:
      return mayEndName(before, text, at);
    case DASH:
      return before === 0x2d ? isFifthDash(text, at) : isPrefix(before, code, text, at);
    case JWT_START:
      return before === 0x79;
    default:
      return isPrefix(before, code, text, at);
  }
}

function isPrefix(before: number, code: number, text: Chars, at: number): boolean {
  return mayEndPrefix(before, code) && afterPrefix(text, at) !== undefined;
}

function isFifthDash(text: Chars, at: number): boolean {
  return (
    text.charCodeAt(at - 2) === 0x2d &&
    text.charCodeAt(at - 3) === 0x2d &&
    text.charCodeAt(at - 4) === 0x2d &&
    text.charCodeAt(at - 5) !== 0x2d
  );
}

function mayEndName(before: number, text: Chars, at: number): boolean {
  return BEFORE_SEPARATOR[before] === 1 && endsSecretName(text, nameEnd(text, at));
}

/** What may begin after the character at `at`, judged by that character and at most {@link LOOK_BACK} before it. */
export function detect(text: Chars, at: number): Candidate | undefined {
  const code = text.charCodeAt(at);
  switch (code) {
    case 0x20: // blank
      return afterBlank(text, at);
    case 0x3a: // :
    case 0x3d: // =
    case 0x3e: // >
      return afterSeparator(text, at, code);
    case 0x4a: // J
      return text.charCodeAt(at - 1) === 0x79 && text.charCodeAt(at - 2) === 0x65 && JWT[text.charCodeAt(at - 3)] !== 1
        ? JWT_CANDIDATE
        : undefined;
    case 0x2d: // -
      if (isFifthDash(text, at)) return PEM_HEADER.test(text.slice(Math.max(0, at - 70), at + 1)) ? PEM : undefined;
      return afterPrefix(text, at);
    default:
      if (isDigit(code)) return isSixthDigit(text, at) ? CARD : undefined;
      return afterPrefix(text, at);
  }
}

/** After `Bearer `, after another scheme in an `Authorization` header, after `--password ` and `ENV API_TOKEN `. */
function afterBlank(text: Chars, at: number): Candidate | undefined {
  const word = wordBefore(text, at);
  if (word === Word.bearer) {
    return WORD[text.charCodeAt(at - "bearer".length - 1)] === 1 ? undefined : BEARER_TOKEN;
  }
  if (word === Word.scheme || word === Word.secretAndScheme) {
    if (AUTHORIZATION.test(text.slice(Math.max(0, at - 40), at + 1))) return SCHEME_TOKEN;
  }
  if (word === Word.none || word === Word.scheme) return undefined;
  const start = nameStart(text, at);
  const isOption = text.charCodeAt(start) === 0x2d && text.charCodeAt(start + 1) === 0x2d;
  if (isOption) return endsSecretName(text, at) ? gap(WORD_OR_VALUE) : undefined;
  const isDefined = isCapital(text, start, at) && DEFINES.test(text.slice(Math.max(0, start - 8), start));
  return isDefined && endsSecretName(text, at) ? gap(ENVIRONMENT) : undefined;
}

function afterSeparator(text: Chars, at: number, code: number): Candidate | undefined {
  if (code === 0x3a && isAfterUrlUser(text, at)) return URL_CANDIDATE;
  const end = nameEnd(text, at);
  if (!endsSecretName(text, end)) return undefined;
  const start = nameStart(text, end);
  if (code === 0x3e) {
    // `<password>`, whose value is told by its tags, so that a mere word counts.
    return end === at && text.charCodeAt(start - 1) === 0x3c ? gap(ENVIRONMENT) : undefined;
  }
  if (code === 0x3a && end === at && endsCookie(text, at)) return gap(COOKIES);
  return gap(code === 0x3d && end === at && isCapital(text, start, end) ? ENVIRONMENT : WORD_OR_VALUE);
}

function endsCookie(text: Chars, end: number): boolean {
  return (text.charCodeAt(end - 2) | 0x20) === 0x69 && /cookie$/i.test(text.slice(Math.max(0, end - 6), end));
}

/** `NAME=value` in capitals and without blanks is how environments are printed. */
function isCapital(text: Chars, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x61 && code <= 0x7a) return false;
  }
  return true;
}

function gap(bare: Bare): Candidate {
  return { kind: "gap", bare, blanks: 0, slash: false };
}

/** Whether `://user` or `://` stands before `at`. */
function isAfterUrlUser(text: Chars, at: number): boolean {
  let start = at;
  while (at - start <= MAX_URL_USER && URL_USER[text.charCodeAt(start - 1)] === 1) start -= 1;
  return (
    text.charCodeAt(start - 1) === 0x2f && text.charCodeAt(start - 2) === 0x2f && text.charCodeAt(start - 3) === 0x3a
  );
}
