import { ALNUM, BASE64_URL, type CharClass, charClass, UPPER_ALNUM, WORD } from "./char-class.ts";
import type { Chars } from "./chars.ts";

/** At least `min` characters of a class make a secret, which goes on as long as the class does. */
export interface Run {
  readonly kind: "run";
  readonly min: number;
  readonly chars: CharClass;
  /** Among the first `min` there must be one that is no small letter, `-` or `_`: what is told by a short prefix may be mere words. */
  readonly mixed: boolean;
}

export function run(min: number, chars: CharClass, mixed = false): Run {
  return { kind: "run", min, chars, mixed };
}

const DASHED = charClass("A-Za-z0-9-");
const DOTTED = charClass("A-Za-z0-9_.-");
const HEX = charClass("0-9a-f");
const PATH = charClass("A-Za-z0-9_/.-");

function each(prefixes: string, candidate: Run): readonly (readonly [text: string, candidate: Run])[] {
  return prefixes.split(" ").map((text) => [text, candidate]);
}

/**
 * What tokens begin with, as their issuers document it, and the least that follows. Each is given out; what follows is masked. All end
 * in a character that is rare in text, since every occurrence of it is looked at.
 */
const PREFIXES: readonly (readonly [text: string, candidate: Run])[] = [
  ...each("ghp_ gho_ ghu_ ghs_ ghr_", run(30, ALNUM)),
  ["github_pat_", run(20, WORD)],
  ...each("glpat- gldt- glrt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glcbt-", run(20, BASE64_URL)),
  ...each("AKIA ASIA ABIA ACCA", run(16, UPPER_ALNUM)),
  ["AIz", run(36, BASE64_URL)],
  ["ya29.", run(30, BASE64_URL)],
  ["GOCSPX-", run(24, BASE64_URL)],
  ["1//", run(40, BASE64_URL, true)],
  ...each("xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- xwfp-", run(10, DASHED, true)),
  ["xoxe.xoxp-", run(10, DASHED, true)],
  ["hooks.slack.com/services/", run(20, PATH)],
  ["hooks.slack.com/workflows/", run(20, PATH)],
  ["hooks.slack.com/triggers/", run(20, PATH)],
  ["discord.com/api/webhooks/", run(40, PATH)],
  // OpenAI and those who took over its form; `sk-ant-` is Anthropic's.
  ["sk-", run(20, BASE64_URL, true)],
  ...each("sk_live_ sk_test_ rk_live_ rk_test_", run(16, ALNUM)),
  ["whsec_", run(20, charClass("A-Za-z0-9+/="))],
  ["npm_", run(30, ALNUM)],
  ["pypi-", run(50, BASE64_URL, true)],
  ["hf_", run(30, ALNUM)],
  ["gbx_", run(40, BASE64_URL)],
  ...each("gsk_ xai-", run(40, ALNUM)),
  ["SG.", run(40, DOTTED, true)],
  ...each("dop_v1_ doo_v1_ dor_v1_", run(40, HEX)),
  ...each("shpat_ shpss_ shpca_ shppa_", run(32, charClass("0-9A-Fa-f"))),
  ["dckr_pat_", run(20, BASE64_URL)],
  ...each("glsa_ glc_", run(32, charClass("A-Za-z0-9_+/="))),
  ["hvs.", run(24, BASE64_URL, true)],
  ["AGE-SECRET-KEY-", run(40, UPPER_ALNUM)],
];

interface Prefix {
  readonly text: string;
  readonly candidate: Run;
  /** What stands before the last two characters; it tells most that is none. */
  readonly third: number;
}

/** Prefixes by their last two characters; 0 where none ends so. */
const BY_PAIR = new Uint8Array(128 * 128);
const LISTS: Prefix[][] = [[]];
/** The last characters of all prefixes. */
export const PREFIX_ENDS: CharClass = new Uint8Array(128);
for (const [text, candidate] of PREFIXES) {
  const last = text.charCodeAt(text.length - 1);
  const pair = text.charCodeAt(text.length - 2) * 128 + last;
  PREFIX_ENDS[last] = 1;
  if (BY_PAIR[pair] === 0) BY_PAIR[pair] = LISTS.push([]) - 1;
  LISTS[BY_PAIR[pair] ?? 0]?.push({ text, candidate, third: text.charCodeAt(text.length - 3) });
}

/** Whether a prefix may end at `at`, by its last two characters. */
export function mayEndPrefix(before: number, code: number): boolean {
  return before < 128 && BY_PAIR[before * 128 + code] !== 0;
}

function endsWith(text: Chars, at: number, prefix: string): boolean {
  for (let back = 3; back < prefix.length; back += 1) {
    if (text.charCodeAt(at - back) !== prefix.charCodeAt(prefix.length - 1 - back)) return false;
  }
  return true;
}

/** What follows the prefix that ends at `at`. Letters and digits before it make it a part of another word. */
export function afterPrefix(text: Chars, at: number): Run | undefined {
  const before = text.charCodeAt(at - 1);
  if (before >= 128) return undefined;
  const list = LISTS[BY_PAIR[before * 128 + text.charCodeAt(at)] ?? 0] ?? [];
  const third = text.charCodeAt(at - 2);
  for (let index = 0; index < list.length; index += 1) {
    const prefix = list[index];
    if (prefix === undefined || prefix.third !== third || !endsWith(text, at, prefix.text)) continue;
    // What is told by so little that words must be ruled out may not go on from a word with a dash either.
    const word = prefix.candidate.mixed ? BASE64_URL : ALNUM;
    if (word[text.charCodeAt(at - prefix.text.length)] !== 1) return prefix.candidate;
  }
  return undefined;
}
