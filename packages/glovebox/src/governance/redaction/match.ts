import { matchCard } from "./card-number.ts";
import { BASE64_URL, type CharClass, COOKIES, JWT, SMALL, URL_PASSWORD } from "./char-class.ts";
import type { Chars } from "./chars.ts";
import { matchCookies } from "./cookies.ts";
import type { Candidate } from "./detect.ts";
import { goesOn, matchBareValue, matchQuotedValue } from "./key-value.ts";
import type { Run } from "./token-prefix.ts";

/** The longest header of a JSON Web Token that is waited for. */
const MAX_JWT_HEADER = 1024;
const MIN_JWT_HEADER = 8;
const MIN_JWT_PAYLOAD = 10;
const MAX_URL_PASSWORD = 256;
const PEM_START = "-----BEGIN ";
const DASH = 0x2d;
const DOT = 0x2e;
const AT_SIGN = 0x40;

type Quoted = { readonly quote: number; readonly escaped: boolean };

/** What follows a secret that has begun and still belongs to it: characters of a class, or all up to a quote or the line's end. */
export type Rest = { readonly chars: CharClass } | Quoted | undefined;

export interface Match {
  /** Index after the secret as far as it was seen. */
  readonly end: number;
  readonly rest: Rest;
}

/** A candidate that is decided by the characters that follow. */
export type Value = Exclude<Candidate, { readonly kind: "gap" | "pem" }>;

/**
 * Whether the text from `start` is the secret that the candidate promised: a match, `"no"`, or `"undecided"` while the text at hand
 * does not tell. With `final` nothing more will come, so it always tells.
 */
export function match(
  candidate: Value,
  text: Chars,
  start: number,
  end: number,
  final: boolean,
): Match | "no" | "undecided" {
  if (candidate.kind === "bare" || candidate.kind === "quoted") {
    // A PEM block is left to its own rule, which knows where it ends.
    const pem = beginsPem(text, start, end, final);
    if (pem !== "no") return pem === "yes" ? "no" : "undecided";
  }
  switch (candidate.kind) {
    case "run":
      return matchRun(candidate, text, start, end, final);
    case "jwt":
      return matchJwt(text, start, end, final);
    case "card":
      return settle(matchCard(text, start, end, final), undefined);
    case "url":
      return matchUrlPassword(text, start, end, final);
    case "bare":
      return settle(matchBareValue(text, start, end, final, candidate), "bare");
    case "cookies":
      return settle(matchCookies(text, start, end, final), { chars: COOKIES });
    case "quoted":
      return settleQuoted(candidate, matchQuotedValue(text, start, end, final, candidate), start);
  }
}

function beginsPem(text: Chars, start: number, end: number, final: boolean): "yes" | "no" | "undecided" {
  if (text.charCodeAt(start) !== DASH) return "no";
  const seen = text.slice(start, Math.min(end, start + PEM_START.length));
  if (!PEM_START.startsWith(seen)) return "no";
  if (seen === PEM_START) return "yes";
  return final ? "no" : "undecided";
}

function settle(found: number | undefined, rest: Rest | "bare"): Match | "no" | "undecided" {
  if (found === undefined) return "undecided";
  if (found === 0) return "no";
  return { end: found, rest: rest === "bare" ? { chars: BARE_REST } : rest };
}

function settleQuoted(how: Quoted, found: number | undefined, start: number): Match | "no" | "undecided" {
  return settle(
    found,
    found !== undefined && goesOn(found - start) ? { quote: how.quote, escaped: how.escaped } : undefined,
  );
}

const BARE_REST = URL_PASSWORD.map((value, code) =>
  code === 0x28 || code === 0x26 || code === 0x2c || code === 0x3b || code === 0x29 ? 0 : value,
);
BARE_REST[0x2f] = 1;
BARE_REST[AT_SIGN] = 1;

function spanEnd(chars: CharClass, text: Chars, start: number, most: number): number {
  let at = start;
  while (at < most && chars[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

function matchRun(candidate: Run, text: Chars, start: number, end: number, final: boolean): Match | "no" | "undecided" {
  const most = Math.min(end, start + candidate.min);
  let { mixed } = candidate;
  let at = start;
  for (; at < most; at += 1) {
    const code = text.charCodeAt(at);
    if (candidate.chars[code] !== 1) return "no";
    if (mixed && SMALL[code] !== 1) mixed = false;
  }
  if (at - start < candidate.min) return final ? "no" : "undecided";
  return mixed ? "no" : { end: at, rest: { chars: candidate.chars } };
}

function matchJwt(text: Chars, start: number, end: number, final: boolean): Match | "no" | "undecided" {
  const header = spanEnd(BASE64_URL, text, start, Math.min(end, start + MAX_JWT_HEADER));
  if (header - start === MAX_JWT_HEADER) return "no";
  if (header === end) return final ? "no" : "undecided";
  if (header - start < MIN_JWT_HEADER || text.charCodeAt(header) !== DOT) return "no";
  const payload = spanEnd(BASE64_URL, text, header + 1, Math.min(end, header + 1 + MIN_JWT_PAYLOAD));
  if (payload - header - 1 === MIN_JWT_PAYLOAD) return { end: payload, rest: { chars: JWT } };
  return payload === end && !final ? "undecided" : "no";
}

function matchUrlPassword(text: Chars, start: number, end: number, final: boolean): Match | "no" | "undecided" {
  const at = spanEnd(URL_PASSWORD, text, start, Math.min(end, start + MAX_URL_PASSWORD));
  if (at === end && at - start < MAX_URL_PASSWORD) return final ? "no" : "undecided";
  return at > start && text.charCodeAt(at) === AT_SIGN ? { end: at, rest: undefined } : "no";
}
