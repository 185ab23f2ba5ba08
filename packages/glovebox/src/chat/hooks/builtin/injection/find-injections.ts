import { foldText } from "./folded-text.ts";
import { hiddenRuns } from "./hidden-text.ts";
import { INJECTION_RULES } from "./rules.ts";

/** A part of a text that tries to instruct whoever reads it. */
export interface InjectionPassage {
  /** UTF-16 units. */
  readonly from: number;
  readonly to: number;
  /** From 1. */
  readonly line: number;
  readonly rules: readonly string[];
  /** 0 to 1: how sure its signs make together. */
  readonly score: number;
}

/** A sign, in units of the text it was found in. */
interface Sign {
  readonly rule: string;
  readonly weight: number;
  readonly from: number;
  readonly to: number;
}

/** Signs this near to each other count together. UTF-16 units. */
const NEAR = 300;
/** What is looked at before and after a sign for what it is about. */
const AROUND = 200;
/** Of one rule. A text with more is one passage. */
const MAX_SIGNS = 1_000;
const MAX_PASSAGES = 100;
/** Longer encoded texts are looked at so far, and no more than these many. */
const MAX_ENCODED = 4_096;
const MAX_ENCODED_RUNS = 200;

/** Words of texts about injection: detectors, tests, papers, manuals. */
const ABOUT =
  /\b(?:prompt[- ]injections?|jailbreak prompts?|attack(?:s|er|ers|ed)?|adversarial|payloads?|detect(?:s|or|ed|ion)?|patterns?|regexp?|filter(?:s|ed)?|tests?|expect|assert|such as|e\.g\.|phrases?|owasp|red[- ]team|mitigations?|tokenizers?|chat_template|markers|refuse[sd]?|vulnerabilit(?:y|ies))\b/i;
/** Before an order that is only told of: "asks the model to ignore …", "models that ignore …". */
const REPORTED =
  /\b(?:(?:to|not|never|cannot|can't|could|would|can|may|might|that|which|they|we|it|models?|users?|i|and)\s{1,4}|(?:never|not|cannot)\s[^.,;:!?\n]{0,60})$/i;
const QUOTES = "\"'`“”‘’«»„";

/** The passages of a text whose signs make at least `threshold`, in order. Linear in its length; burns CPU: meant for a thread of its own. */
export function findInjections(text: string, threshold: number): readonly InjectionPassage[] {
  const { signs, tooMany } = signsOf(text);
  const passages: InjectionPassage[] = [];
  let line = 1;
  let counted = 0;
  const lineAt = (at: number) => {
    for (let next = text.indexOf("\n", counted); next !== -1 && next < at; next = text.indexOf("\n", counted)) {
      line += 1;
      counted = next + 1;
    }
    return line;
  };
  if (tooMany) return [{ from: 0, to: text.length, line: 1, rules: ["too-many"], score: 1 }];
  for (const cluster of clustersOf(signs)) {
    const score = scoreOf(cluster);
    const [first] = cluster;
    if (first === undefined || score < threshold) continue;
    const to = Math.max(...cluster.map((sign) => sign.to));
    if (passages.length === MAX_PASSAGES) {
      const rest = passages.pop();
      return [...passages, { ...(rest ?? { line: 1, rules: [], from: 0 }), to: text.length, score: 1 }];
    }
    passages.push({
      from: first.from,
      to,
      line: lineAt(first.from),
      rules: [...new Set(cluster.map(({ rule }) => rule))],
      score,
    });
  }
  return passages;
}

function signsOf(text: string): { readonly signs: readonly Sign[]; readonly tooMany: boolean } {
  const signs: Sign[] = [];
  let hidden = 0;
  for (const { rule, from, to } of hiddenRuns(text)) {
    hidden += 1;
    if (hidden > MAX_SIGNS) return { signs, tooMany: true };
    signs.push({ rule, weight: 0.95, from, to });
  }
  const folded = foldText(text);
  const found = [...phrasesIn(folded.text), ...encodedIn(folded.text)];
  for (const sign of found) {
    signs.push({ ...sign, from: folded.originOf(sign.from), to: folded.originOf(sign.to) });
  }
  signs.sort((a, b) => a.from - b.from);
  return { signs, tooMany: found.length > MAX_SIGNS };
}

function* phrasesIn(text: string): Generator<Sign> {
  for (const { id, weight, pattern } of INJECTION_RULES) {
    let count = 0;
    for (const match of text.matchAll(pattern)) {
      const from = match.index;
      const to = from + match[0].length;
      yield { rule: id, weight: weight * doubt(text, id, from, to), from, to };
      count += 1;
      if (count > MAX_SIGNS) return;
    }
  }
}

/** How much less sure a phrase is where it is told of rather than said. */
function doubt(text: string, rule: string, from: number, to: number): number {
  const before = text.slice(Math.max(0, from - AROUND), from);
  const isAbout = ABOUT.test(before) || ABOUT.test(text.slice(to, to + AROUND));
  const isReported = rule.startsWith("override") && REPORTED.test(before.slice(-80));
  if (isAbout && isQuoted(text, from, to)) return 0.25;
  return (isAbout ? 0.5 : 1) * (isReported ? 0.5 : 1);
}

function isQuoted(text: string, from: number, to: number): boolean {
  const before = text.slice(Math.max(0, from - 60), from);
  const after = text.slice(to, to + 100);
  const opens = [...before.slice(before.lastIndexOf("\n") + 1)].some((letter) => QUOTES.includes(letter));
  const end = after.indexOf("\n");
  return opens && [...(end === -1 ? after : after.slice(0, end))].some((letter) => QUOTES.includes(letter));
}

/** Orders that are written in base64. */
function* encodedIn(text: string): Generator<Sign> {
  let runs = 0;
  for (const match of text.matchAll(/[A-Za-z0-9+/]{24,4096}={0,2}/g)) {
    runs += 1;
    if (runs > MAX_ENCODED_RUNS) return;
    const decoded = Buffer.from(match[0].slice(0, MAX_ENCODED), "base64").toString("latin1");
    if (/[^\t\n\r -~]/.test(decoded)) continue;
    for (const sign of phrasesIn(decoded)) {
      yield { rule: `encoded-${sign.rule}`, weight: sign.weight, from: match.index, to: match.index + match[0].length };
    }
  }
}

function* clustersOf(signs: readonly Sign[]): Generator<readonly Sign[]> {
  let cluster: Sign[] = [];
  let end = 0;
  for (const sign of signs) {
    if (cluster.length > 0 && sign.from > end + NEAR) {
      yield cluster;
      cluster = [];
    }
    cluster.push(sign);
    end = Math.max(end, sign.to);
  }
  if (cluster.length > 0) yield cluster;
}

/** The same sign twice is no surer than once. */
function scoreOf(cluster: readonly Sign[]): number {
  const best = new Map<string, number>();
  for (const { rule, weight } of cluster) best.set(rule, Math.max(best.get(rule) ?? 0, weight));
  let doubtful = 1;
  for (const weight of best.values()) doubtful *= 1 - weight;
  return 1 - doubtful;
}
